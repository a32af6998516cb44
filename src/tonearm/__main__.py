"""`python -m tonearm` is `tonearm`."""

from tonearm.runtime.stopping import guarded


def main() -> None:
    """Run the command line; libraries are loaded once signals are watched for."""

    def work() -> None:
        from tonearm.cli import main

        main()

    guarded(work)


if __name__ == "__main__":
    main()
