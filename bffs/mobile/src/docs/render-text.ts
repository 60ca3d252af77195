import { html, type Markup } from './markup.ts';

/** A description: paragraphs and lists (lines that begin with `- `) apart by blank lines, with `code` and **bold** in them. */
export function renderText(text: string): Markup {
  const blocks = text.trim().split(/\n\s*\n/);
  return html`${blocks.map((block) => (block.startsWith('- ') ? renderList(block) : html`<p>${renderLine(block)}</p>`))}`;
}

/** One line of such text. */
export function renderLine(text: string): Markup {
  const pieces = text.split(/(`[^`]+`|\*\*[^*]+\*\*)/);
  return html`${pieces.map((piece) => {
    if (/^`.+`$/s.test(piece)) return html`<code>${piece.slice(1, -1)}</code>`;
    if (/^\*\*.+\*\*$/s.test(piece)) return html`<strong>${piece.slice(2, -2)}</strong>`;
    return piece;
  })}`;
}

function renderList(block: string): Markup {
  const items = block.slice(2).split(/\n- /);
  return html`<ul>${items.map((item) => html`<li>${renderLine(item)}</li>`)}</ul>`;
}
