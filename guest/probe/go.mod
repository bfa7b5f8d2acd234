module tardigrade/probe

go 1.19
