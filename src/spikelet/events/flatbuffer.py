"""As much of the FlatBuffers binary format as AEDAT 4 uses: tables with numbers, texts and vectors of structs.

A buffer begins with the place of its root table and a word of four letters. A table points back to a list of the places
of its fields, 0 where a field has its default. Every place is checked before it is read.
"""

import struct

from spikelet.errors import DataError


class Table:
    """A table inside of a buffer.

    Args:
        content: the buffer, from its first byte on.
        place: where in it the table is.

    Raises:
        DataError: here and in all methods, a place lies outside of the buffer.
    """

    def __init__(self, content: memoryview, place: int):
        self.content, self.place = content, place
        self._list = place - self._read("<i", place)
        self._length = self._read("<H", self._list)

    def _read(self, kind: str, place: int) -> int:
        if not 0 <= place <= len(self.content) - struct.calcsize(kind):
            raise DataError(f"a table points to byte {place} of a buffer of {len(self.content)}")
        return struct.unpack_from(kind, self.content, place)[0]

    def _field(self, number: int) -> int:
        """Return where a field is, 0 where it has its default."""
        slot = 4 + 2 * number
        offset = self._read("<H", self._list + slot) if slot + 2 <= self._length else 0
        return self.place + offset if offset else 0

    def number(self, number: int, kind: str, default: int = 0) -> int:
        """Return a field that is a number, of a kind of `struct`."""
        place = self._field(number)
        return self._read(kind, place) if place else default

    def vector(self, number: int, size: int) -> memoryview:
        """Return the bytes of a field that is a vector of elements of ``size`` bytes; empty where it is missing."""
        field = self._field(number)
        if not field:
            return self.content[:0]
        start = field + self._read("<I", field)
        count = self._read("<I", start)
        if count * size > len(self.content) - start - 4:
            raise DataError(
                f"a vector of {count:,} elements of {size} bytes, but {len(self.content) - start - 4} are left"
            )
        return self.content[start + 4 : start + 4 + count * size]


def root(content: memoryview, letters: bytes) -> Table:
    """Return the root table of a buffer.

    Raises:
        DataError: the buffer is too short, or of another kind than its four ``letters``.
    """
    if len(content) < 8 or bytes(content[4:8]) != letters:
        raise DataError(f"expected a buffer {letters.decode()}, found {bytes(content[4:8])!r}")
    return Table(content, struct.unpack_from("<I", content)[0])


def packet(letters: bytes, elements: bytes, count: int) -> bytes:
    """Return a buffer, its size before it, of a table with one field: a vector of structs aligned to 8 bytes."""
    # root 16; list of fields at 8: 6 bytes, 8 bytes of table, field at 4; vector at 32, so that its elements begin at a
    # multiple of 8 bytes, counted from the size on, as the format wants it
    body = struct.pack("<I4s3H2xiI8xI", 16, letters, 6, 8, 4, 8, 12, count) + elements
    return struct.pack("<I", len(body)) + body


def header(letters: bytes, compression: int, table_place: int, text: bytes) -> bytes:
    """Return a buffer, its size before it, of a table with a 32-bit number, a 64-bit number and a text."""
    # root 20; list of fields at 8: 10 bytes, 20 bytes of table, fields at 4, 8 and 16; the text follows the table
    fields = struct.pack("<I4s5H2x", 20, letters, 10, 20, 4, 8, 16)
    body = fields + struct.pack("<iiqI", 12, compression, table_place, 4) + struct.pack("<I", len(text)) + text + b"\0"
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<I", len(body)) + body
