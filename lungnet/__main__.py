"""`python -m lungnet` is `lungnet`."""

from lungnet.cli.main import main

if __name__ == "__main__":
    main()
