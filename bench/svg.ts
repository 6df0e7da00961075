/** What the harness's charts share: a frame with a title and a foot, text, bars, and a look for light and for dark. */

/** Rules of style, of which those of `dark` hold where the reader's system is dark. */
export interface Look {
  readonly light: string;
  readonly dark: string;
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** What is shown above. */
  readonly title: string;
  /** What a screen reader says of it. */
  readonly about: string;
  /** Lines below, from the top down. */
  readonly foot: readonly string[];
  readonly look: Look;
  readonly parts: readonly string[];
}

/** Space to the left, in pixels; as much as is kept free to the right. */
export const EDGE = 24;
/** Of one line of the foot. */
export const FOOT_LINE = 16;

const TITLE_SIZE = 17;
const TEXT_SIZE = 13;
const FOOT_SIZE = 11;

/** Bars: the plain ones step back behind those that a chart is about. */
export const BARS: Look = {
  light: `.bar { fill: #8c959f }
.bar.ours { fill: #0969da }`,
  dark: `.bar { fill: #6e7681 }
.bar.ours { fill: #4493f8 }`,
};

/** A whole chart, as the text of a file. */
export function frame({ width, height, title, about, foot, look, parts }: Frame): string {
  const last = height - 16;
  const footer = foot.map((line, index) =>
    text(EDGE, last - (foot.length - 1 - index) * FOOT_LINE, line, 'foot'),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">${escape(about)}</title>
<style>
svg { background: #ffffff; font: ${TEXT_SIZE}px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
text { fill: #24292f }
.title { font-size: ${TITLE_SIZE}px; font-weight: 600 }
.head, .ours { font-weight: 600 }
.end { text-anchor: end }
.foot { font-size: ${FOOT_SIZE}px; fill: #57606a }
${look.light}
@media (prefers-color-scheme: dark) {
svg { background: #0d1117 }
text { fill: #e6edf3 }
.foot { fill: #9198a1 }
${look.dark}
}
</style>
${text(EDGE, 34, title, 'title')}
${parts.join('\n')}
${footer.join('\n')}
</svg>
`;
}

/** Text, or the value of an attribute. */
export const escape = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** `kind`: classes, as `end` for text that ends at `x`. */
export function text(x: number, y: number, content: string, kind = ''): string {
  return `<text x="${x.toFixed(1)}" y="${px(y)}"${kind === '' ? '' : ` class="${kind}"`}>${escape(content)}</text>`;
}

export function bar(x: number, y: number, length: number, thickness: number, ours: boolean): string {
  return `<rect x="${px(x)}" y="${px(y)}" width="${length.toFixed(1)}" height="${thickness}" rx="2" class="bar${ours ? ' ours' : ''}"/>`;
}

/** A coordinate: a tenth of a pixel is more than anybody sees. */
export const px = (value: number): string => String(Number(value.toFixed(1)));

/**
 * Room for a text, in pixels: 0.62 of the size for each character (DejaVu Sans, the widest of the fonts named above, has
 * 0.6 over English text), and a tenth more when it is bold.
 */
export function widthOf(content: string, kind: 'text' | 'head' | 'title' | 'foot' = 'text'): number {
  const size = kind === 'title' ? TITLE_SIZE : kind === 'foot' ? FOOT_SIZE : TEXT_SIZE;
  const bold = kind === 'title' || kind === 'head' ? 1.1 : 1;
  return Math.ceil([...content].length * size * 0.62 * bold);
}

/** The lines of a foot, none wider than the chart; a word that is wider stays whole. */
export function footLines(foot: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of foot.split(/\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1);
    const longer = `${last ?? ''} ${word}`;
    if (last === undefined || widthOf(longer, 'foot') > width - 2 * EDGE) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
