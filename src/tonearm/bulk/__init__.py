"""Answers for very many files: written as they come, kept when the command ends early, and continued by the next.

Conventions
-----------
| module | what it is for |
|---|---|
| `kept` | a file of answers, one a line, that the same command continues |
| `answering` | the answers to many files, kept and new ones, in the order of the files |
| `watching` | the files of a folder that fills, each once it is whole |

Nothing here holds the answers in memory.
"""
