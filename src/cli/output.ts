/** Nobody reads on (`| head`, a terminal that is gone): no reason to leave a flash half written. */
function patient(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return stream;
}

/** Standard output. Asked for when it is used: making the stream is a tenth of what a start costs. */
export const stdout = (): NodeJS.WriteStream => patient(process.stdout);

/** Standard error, likewise. */
export const stderr = (): NodeJS.WriteStream => patient(process.stderr);
