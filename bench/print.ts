/** Share of the machine that others may use before figures of time and CPU are not worth much. */
export const BUSY = 0.1;

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const percent = (share: number): string => `${Math.round(share * 100)} %`;
