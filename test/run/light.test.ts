import { runTogether, testFilesOf } from '../kit/together.js';

await runTogether(['conformance', 'native', 'adversarial', 'kit'].flatMap(testFilesOf));
