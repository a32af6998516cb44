"""The web application: a page for people (`tonearm ui`), and the ground that a server for machines stands on.

Conventions
-----------
| module | what it is for |
|---|---|
| `limits` | what the application may be asked for: sizes, seconds, queue, where it listens |
| `errors` | a request that cannot be answered: HTTP status and reason |
| `safety` | who may ask at all: host, origin, token; headers of every answer |
| `uploads` | files that are sent, in a folder of their own |
| `models` | the runs that a worker has loaded |
| `workers`, `parts` | processes that load the runs once and do the work, with a time limit; results in parts |
| `app` | all of these as one ASGI application, and the server around it |

Nothing here is imported by the core; FastAPI and uvicorn come with the extras `serve` and `ui`.
"""
