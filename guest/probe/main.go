// Command probe runs inside a MicroVM for `tardigrade check`: it plays the tenant who tries to leave, the neighbour who
// must not notice, and the crash. Secrets come by standard input, never by argument; answers are JSON on standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: probe hello|neighbour|try|kill|panic")
	}
	var err error
	switch os.Args[1] {
	case "hello": // it starts here
	case "neighbour":
		err = neighbour(os.Stdin, os.Stdout)
	case "try":
		err = try(os.Stdin, os.Stdout)
	case "kill":
		err = killApplication("/proc", os.Stdout)
	case "panic":
		err = panicKernel()
	default:
		err = fmt.Errorf("there is no command %q", os.Args[1])
	}
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

func answer(to *os.File, value any) error {
	return json.NewEncoder(to).Encode(value)
}
