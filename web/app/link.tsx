/** A link within the page. It is an ordinary link, but does not load a new document. */
import type { ComponentChildren } from 'preact';
import { usePage } from './page.ts';

export function Link({
  to,
  class: className,
  children,
}: {
  to: string;
  class?: string;
  children: ComponentChildren;
}) {
  const { go } = usePage();
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={onClick} {...(className ? { class: className } : {})}>
      {children}
    </a>
  );
}
