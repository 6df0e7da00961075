/** Tables of GitHub's Markdown that can also be read as they are. */

/** Columns that `isText` names are set to the left, all others to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isText: (column: number) => boolean,
): string[] {
  const cells = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths
      .map((width, column) => {
        const content = row[column] ?? '';
        return isText(column) ? content.padEnd(width) : content.padStart(width);
      })
      .join(' | ')} |`;
  const rule = widths.map((width, column) =>
    isText(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(cells[0] ?? []), `| ${rule.join(' | ')} |`, ...cells.slice(1).map(line)];
}

/** What would end a cell or a row. */
const cell = (content: string): string => content.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
