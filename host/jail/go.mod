module tardigrade/jail

go 1.19
