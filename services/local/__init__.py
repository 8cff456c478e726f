"""All of Aviary on one machine: supervisor, emulators, development certificates, backups."""
