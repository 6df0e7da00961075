/** Whether the launcher started this process, with flags for little memory (cli/start/launcher.sh). */
export const isSmallProcess = (): boolean => process.execArgv.includes('--single-threaded-gc');
