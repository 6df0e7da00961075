/** A closed reader (`| head`, a closed terminal) must not end an update halfway. */
function patient(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return stream;
}

/** Standard output. The stream is made on first use: making it takes a tenth of the start-up time. */
export const stdout = (): NodeJS.WriteStream => patient(process.stdout);

/** Standard error, likewise. */
export const stderr = (): NodeJS.WriteStream => patient(process.stderr);
