/** Whether the launcher started this process, with flags that keep it small (cli/start/launcher.sh). */
export const isSmallProcess = (): boolean => process.execArgv.includes('--single-threaded-gc');
