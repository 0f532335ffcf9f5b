import { Heading } from '../app/heading.tsx';
import type { Person } from '../session/person.ts';
import { RecentList } from './recent-list.tsx';
import { RequestForm } from './request-form.tsx';

export function RequestPage({ who }: { who: Person }) {
  return (
    <div class="stack">
      <Heading title="New delivery">Where to, {who.name}?</Heading>
      <RequestForm who={who} />
      <RecentList who={who} />
    </div>
  );
}
