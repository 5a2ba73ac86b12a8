"""Where the database begins: spaces, people, audit, reference tables."""
