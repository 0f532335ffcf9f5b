/** The API page shows the OpenAPI document and lets people search it. */
import { render } from 'preact';
import { ApiPage } from './api-docs/api-page.tsx';
import { loadDocument } from './api-docs/document.ts';

const root = document.getElementById('app') as HTMLElement;
try {
  const document = await loadDocument();
  root.replaceChildren();
  render(<ApiPage document={document} />, root);
} catch (error) {
  root.textContent = `The API's description cannot be read: ${(error as Error).message}.`;
}
