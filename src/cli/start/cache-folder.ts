/**
 * Where what V8 has compiled for a command is kept: a service has what its start needs, all other commands what a
 * write needs from its start to its end.
 * @param bin - folder of the program
 */
export function cacheFolder(bin: string, command = process.argv[2]): string {
  const kind = command === 'serve' ? 'serve' : 'write';
  return `${bin}/cache/${process.version}-${process.arch}/${kind}`;
}
