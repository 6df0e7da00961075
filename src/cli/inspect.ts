import type { Command } from './command.js';
export const command: Command = {
  name: 'inspect',
  usage: 'inspect',
  summary: '',
  description: '',
  examples: [],
  options: {},
  arity: [0, 9],
  run: async () => 2,
};
