import type { Command } from './command.js';
export const command: Command = {
  name: 'demo',
  usage: 'demo',
  summary: '',
  description: '',
  examples: [],
  options: {},
  arity: [0, 9],
  run: async () => 2,
};
