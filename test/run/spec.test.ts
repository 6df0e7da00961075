import { runTogether, testFilesOf } from '../kit/together.js';

await runTogether(testFilesOf('spec'));
