"""The commands of `maodiao`, a module each. `deploy.cli` calls `register(app)` of every module in this package."""
