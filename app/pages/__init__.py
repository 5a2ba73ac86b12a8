"""What people see in the browser, one blueprint per subject."""
