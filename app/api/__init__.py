"""The same for programs: JSON below /api/v1/<space>, described at /api/openapi.json and, for people, at /api.

One blueprint, one module for each subject. Guards, spaces and errors are those of the pages; a program comes with a
person's token (`Authorization: Bearer …`).
"""
