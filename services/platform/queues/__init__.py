"""Operating the queues of all services: backlogs, dead letters, pauses that outlive restarts."""
