/** An error or a hint for a field; screen readers announce it when it appears. */
export function FieldNote({
  id,
  error,
  hint,
}: {
  id: string;
  error?: string | undefined;
  hint?: string | undefined;
}) {
  return (
    <p id={`${id}-note`} class={error ? 'note error' : 'note'} aria-live="polite">
      {error ?? hint}
    </p>
  );
}
