"""What the command ``spikelet`` does: a file for each group of commands.

Each has a function that describes its options and one that carries it out. They import nothing but the standard library
until they are carried out, so that ``spikelet --help`` is there at once.
"""
