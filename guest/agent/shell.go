package main

import "net"

// shellPrompt is AWS's.
const shellPrompt = "λ $ "

// shell runs an interactive shell as root with a terminal: bash if the container has it, else sh. Of the
// environment what it needs is set where the application's does not.
func (a *agent) shell(conn *net.TCPConn, rest []byte, r *request) error {
	spec := launch{Env: r.Env}
	command := func() (*command, error) {
		spec.Args = []string{"sh"}
		if _, err := lookUpExecutable("bash", valueOf(environment(spec.Env, ""), "PATH")); err == nil {
			spec.Args = []string{"bash"}
		}
		spec.Env = shellEnvironment(spec.Env)
		return spec.resolve()
	}
	return a.runInContainer(conn, rest, &spec, command, &windowSize{Cols: r.Cols, Rows: r.Rows})
}

// shellEnvironment adds to env. Start-up files are read as in any shell, so bash sets its prompt after them, before
// the first one it prints. Unknown: guest-shell-env
func shellEnvironment(env map[string]string) map[string]string {
	out := map[string]string{"PS1": shellPrompt, "PROMPT_COMMAND": "PS1='" + shellPrompt + "'; unset PROMPT_COMMAND"}
	if env["LC_ALL"]+env["LC_CTYPE"]+env["LANG"] == "" {
		out["LANG"] = "C.UTF-8" // else the prompt's width is miscounted
	}
	for key, value := range env {
		out[key] = value
	}
	out["TERM"] = "xterm"
	return out
}
