"""The schema's history. One numbered file per change; the models in the packages say what the newest one looks like."""
