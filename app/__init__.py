"""The application: web, commands, worker. The only place that knows Flask, the environment and the wall clock."""
