/** Completion scripts. All of them ask `tardigrade __complete`, so that what they offer is what the program has. */
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_tardigrade() {
  local IFS=$'\\n' line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=($(compgen -W "$(tardigrade __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$current"))
  if [ \${#COMPREPLY[@]} = 0 ]; then compopt -o default; fi
}
complete -F _tardigrade tardigrade
`,
  zsh: `#compdef tardigrade
_tardigrade() {
  local -a found
  found=("\${(@f)$(tardigrade __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _tardigrade tardigrade
`,
  fish: `function __tardigrade_complete
  set -l words (commandline -opc) (commandline -ct)
  tardigrade __complete -- $words[2..-1] 2>/dev/null
end
complete -c tardigrade -a '(__tardigrade_complete)'
`,
};

export function completionScript(shell: string): string {
  const script = SCRIPTS[shell];
  if (script === undefined) throw new CliError(EXIT.usage, `there is no completion for '${shell}'`, [`take one of ${Object.keys(SCRIPTS).join(', ')}: tardigrade completion bash`]);
  return script;
}
