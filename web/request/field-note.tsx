/** What is wrong with a field, or a hint; announced when it appears. */
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
