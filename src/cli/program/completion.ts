import { type Define, remote } from './define.js';

export const defineCompletion: Define = (program, runtime) => {
  program.command('completion').argument('<shell>', 'bash, zsh or fish').summary('completion of commands, names and ids for a shell')
    .description('Prints the script that completes commands, options, images and ids:\n  bash: source <(tardigrade completion bash)      in ~/.bashrc\n  zsh:  source <(tardigrade completion zsh)       in ~/.zshrc, after compinit\n  fish: tardigrade completion fish | source       in ~/.config/fish/config.fish')
    .action(async (shell: string) => {
      const { completionScript } = await import('../completion/scripts.js');
      runtime.context({}).print(completionScript(shell));
    });
  // What the scripts call: the words so far, the last one being typed.
  remote(program.command('__complete', { hidden: true })).argument('[words...]').passThroughOptions().allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { candidates } = await import('../completion/candidates.js');
      const context = runtime.context({});
      context.print((await candidates(program, words[0] === '--' ? words.slice(1) : words, () => context.api())).map((word) => `${word}\n`).join(''));
    });
};
