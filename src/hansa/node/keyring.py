"""The keyring: a member's main key in its house and, while that is being changed, the one that comes next.

HOUSE/key         the main key
HOUSE/key.next    its successor, until the own fold has it

The successor is on the disk before anything about it is signed, and only the record says when it takes the other's place.
So whenever a node is killed, the key that the record has lies in the house.
"""

from collections.abc import Callable
from pathlib import Path

from hansa.errors import Refused, Unavailable
from hansa.node.keyfile import is_encrypted, read_key_file, write_key_file
from hansa.store import sync_folder
from hansa.transparency import PublicKey, SigningKey


class Keyring:
    """The main keys of one member that lie in its house.

    Args:
        path: the file of the main key; its successor lies beside it.
        key: the main key.
        successor: the one that comes next, if there is one.
    """

    def __init__(self, path: Path, key: SigningKey, successor: SigningKey | None = None) -> None:
        self._path = path
        # Replaced as a whole, so that every thread sees one or the other.
        self._keys: tuple[SigningKey, ...] = (key,) if successor is None else (key, successor)

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The main key, and its successor if there is one."""
        return self._keys

    @property
    def key(self) -> SigningKey:
        """The main key, as far as the own fold has seen."""
        return self._keys[0]

    def find(self, public: PublicKey) -> SigningKey:
        """Return the key with this public half.

        Raises:
            Refused: `key.elsewhere`, it does not lie in this house.
        """
        for key in self._keys:
            if key.public == public:
                return key
        raise Refused(
            "key.elsewhere",
            f"the main key `{public.fingerprint[:16]}…` does not lie in `{self._path.parent}`",
        )

    def draw_successor(self, passphrase: bytes | None, draw: Callable[[int], bytes]) -> SigningKey:
        """Return the key that comes next; drawn and kept on the disk, unless there is one already.

        Args:
            passphrase: that of the main key, which the successor is encrypted with as well; None where the main key has none.
            draw: the operating system's generator.

        Raises:
            Refused: `key.passphrase`, it is another one.
            Unavailable: the disk fails.
        """
        if is_encrypted(self._path) != (passphrase is not None):
            raise Refused(
                "key.passphrase", f"`{self._path}` has a passphrase, or none, against what was said"
            )
        read_key_file(self._path, lambda: passphrase or b"")
        if len(self._keys) == 1:
            path = next_path(self._path)
            unfinished = path.with_name(f".{path.name}.unfinished")
            try:
                unfinished.unlink(missing_ok=True)
                successor = write_key_file(unfinished, passphrase, draw)
                unfinished.replace(path)
                sync_folder(path.parent)
            except OSError as error:
                raise Unavailable(f"the key `{path}` cannot be written: {error.strerror}") from error
            self._keys = (self.key, successor)
        return self._keys[1]

    def take_up(self, public: PublicKey) -> bool:
        """Let the successor take the main key's place if it is the one that the record has; say whether it was.

        Raises:
            Unavailable: the disk fails; the successor is in force nevertheless, and its file is moved when the house is entered
                again.
        """
        if len(self._keys) == 1 or self._keys[1].public != public:
            return False
        self._keys = self._keys[1:]
        try:
            next_path(self._path).replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise Unavailable(f"the key `{self._path}` cannot be replaced: {error.strerror}") from error
        return True


def open_keyring(path: Path, ask: Callable[[], bytes]) -> Keyring:
    """Read a member's main key, and its successor if there is one.

    Args:
        path: the file of the main key.
        ask: asked once for the passphrase, if there is one.

    Raises:
        Malformed, Refused, Unavailable: as `read_key_file`.
    """
    said: list[bytes] = []

    def ask_once() -> bytes:
        said[:] = said or [ask()]
        return said[0]

    key = read_key_file(path, ask_once)
    following = next_path(path)
    return Keyring(path, key, read_key_file(following, ask_once) if following.is_file() else None)


def next_path(path: Path) -> Path:
    """Return where the successor of a main key lies."""
    return path.with_name(f"{path.name}.next")
