"""What a reader with limits may not do: a module of its own, which its process can import."""


def eats_memory():
    """Take 16 GB."""
    return len([bytes(1 << 28) for _ in range(64)])


def eats_time():
    """Never end."""
    while True:
        pass


def fills_the_disk(path):
    """Write 64 MB."""
    with open(path, "wb") as file:
        file.writelines(bytes(1 << 20) for _ in range(64))
