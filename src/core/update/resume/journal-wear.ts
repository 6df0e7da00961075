/** What a journal has cost its medium so far: see JournalStore.wear. */
export class JournalWear {
  writes = 0;
  bytes = 0;

  count(bytes: number): void {
    this.writes++;
    this.bytes += bytes;
  }
}
