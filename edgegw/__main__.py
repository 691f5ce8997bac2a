"""`python -m edgegw` and the console script."""

from edgegw.cli.main import main

if __name__ == "__main__":
    main()
