module tardigrade/agent

go 1.19
