"""Files that people take away: sheets, tables, maps and papers, each made of what a page shows.

What is handed in is data and words; nothing here asks the database. Every file carries its imprint: who made it and
when, what it rests on, and the marks that must not be lost.
"""
