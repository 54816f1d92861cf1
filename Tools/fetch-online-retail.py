#!/usr/bin/env python3
"""Fetches the public data set UCI Online Retail II, checks it, and writes it as two CSV files.

The workbook has a sheet per year. Each becomes a gzipped CSV file in DIRECTORY, in the form that
`tacit demo` reads: UTF-8, comma, LF, a header, sorted by InvoiceDate. The lines of 2010-12-01..09
stand in both sheets and are taken once, from the second. Where DIRECTORY holds the data set
already, nothing is downloaded.

Exit status 0: the files lie in DIRECTORY. 1: they don't, one sentence on standard error says why,
and nothing is left behind. 2: wrong use.

The data set: Chen, D. (2019). Online Retail II. UCI Machine Learning Repository.
doi:10.24432/C5CG6D. Licence: Creative Commons Attribution 4.0.
"""

import argparse
import contextlib
import csv
import functools
import gzip
import hashlib
import http.client
import io
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from datetime import datetime, timedelta
from pathlib import Path

URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"

# Limits. The archive has about 45 MB, its workbook as many, a sheet some 300 MB when unpacked.
REACH_SECONDS = 5  # to find out whether there is a network
SILENCE_SECONDS = 20  # without a byte
DOWNLOAD_SECONDS = 900
DOWNLOAD_BYTES_MAX = 128 << 20
WORKBOOK_BYTES_MAX = 256 << 20
SHEET_BYTES_MAX = 1 << 30
SHARED_STRINGS_BYTES_MAX = 64 << 20
ROWS_MAX = 1 << 20  # per sheet: the format's own limit

COLUMNS = [
    "InvoiceNo", "StockCode", "Description", "Quantity",
    "InvoiceDate", "UnitPrice", "CustomerID", "Country",
]
# The first edition of the data set and the second name some columns differently.
COLUMN_NAMES = {name.lower(): name for name in COLUMNS} | {
    "invoice": "InvoiceNo",
    "price": "UnitPrice",
}

# A sheet, the file it becomes, and its first and last month. Both names start with
# "online_retail", for which the demo looks, and sort by year.
YEARS = [
    ("Year 2009-2010", "online_retail_2009-12_2010-11.csv.gz", "2009-12", "2010-11"),
    ("Year 2010-2011", "online_retail_2010-12_2011-12.csv.gz", "2010-12", "2011-12"),
]
# The days of the second sheet that the first repeats at its end.
REPEATED_MONTH, REPEATED_UNTIL = "2010-12", "2010-12-09"

# Rows and digest (see `digest`) of each month, printed by
#   Tools/fetch-online-retail.py --digests online_retail_2009-12_2010-11.csv.gz …
EXPECTED = {
    "2009-12": (45_228, "ee6ada8d3e83672a6a6f919fe8898d14f9130de5fefaa42e5461182630c89f57"),
    "2010-01": (31_555, "dbafaae37b3f1b283ce53b377a565b8e3f24dfa9765460327e24bca3da076609"),
    "2010-02": (29_388, "d273852edff726caede19a5fa5698b14cfe2f33f27f1c3f4a1c0da64536ebec7"),
    "2010-03": (41_511, "eb21bcdd49f490feb7ceb74eb4c5a3719d6439774a57c8e94ccad2fc78ca3e47"),
    "2010-04": (34_057, "17dc3728cb4a978d9a1c28fc52b0c5d88de665629bdb67c9a1eeb8fd384e7a23"),
    "2010-05": (35_323, "1ce40a30af254cf988cae221871687f08e3a450432a8aa4b5bb021365c3ded8d"),
    "2010-06": (39_983, "976a23b1acdb68a283cbfd418e22ce6c44a0096694a353fdd5be70ab95e55eb2"),
    "2010-07": (33_383, "5d0163427d601973e7ed0bbf70f66a50d746d633c008259bd72db8d356c1cd21"),
    "2010-08": (33_306, "8dacbd96a66220512ec8ddb63cd7ba2372d837b53ce67b699326b5100c8dbeb4"),
    "2010-09": (42_091, "1209348680f7a0adf109df2b0236cbd129d4c1fdf2b5d1bd8058b46405c7b202"),
    "2010-10": (59_098, "8fb5a17f7acbe45735958049cc579052376dc2e356dafdc2c299eec08e246380"),
    "2010-11": (78_015, "9e0c9fd2697f7a239de2b4322a7312c7e115f5f34cb49973f69992141fd75529"),
    "2010-12": (42_481, "0ed68efe45ccd4a770978bdd31848d24b6b5ca6ef205b427ffe47ef3efba14ea"),
    "2011-01": (35_147, "77479e08868e6588cd446f85427cf7eb231ae7839d55661c66e34d594070600a"),
    "2011-02": (27_707, "84dabea95c2f120f88b329cb6afaa06f76946ad02b282eabe5a4302be48b72bf"),
    "2011-03": (36_748, "9974d9da6fb91a449af885c7e91010ec6a498de5e0e99c8320de842c16c05d79"),
    "2011-04": (29_916, "5c4a9e860d1cc3b53fd1ee6fca25e2f212fdcd486bf0052d9e80bcb1da65ddb0"),
    "2011-05": (37_030, "75ce302f1405c8b1deac533f850321d2fa92e5de7cf0ede7ee186bcdeef52cb8"),
    "2011-06": (36_874, "9cf35dc103bbdfd1b6c8efb0b58f9e9c367c917fa8f903165b31b6b261fcab1a"),
    "2011-07": (39_518, "105ec229157d7d1e5a386d7901284402f577832cc10f21c2dd594f4ee278ebd6"),
    "2011-08": (35_284, "0b86bf0195befb65ef788ea4fe4e3e97590472ff70044fc64d47e979670df3ad"),
}
# Of the months after those only the number of rows is known: 221,204 in the first edition of the
# data set, and in the second, of 1,067,371 rows in all, one more at its very end.
EXPECTED_LATER_ROWS = range(221_204, 221_206)


class Refusal(Exception):
    """An expected failure. Its text is a whole sentence for the reader."""


class Progress:
    """One line on a terminal, overwritten; nothing where standard error is no terminal."""

    def __init__(self):
        self._is_shown = sys.stderr.isatty()
        self._next = 0.0

    def update(self, text):
        if self._is_shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.2
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def finish(self):
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# MARK: Download


def check_reachable(url):
    """Refuses within REACH_SECONDS where the host of `url` can't be reached.

    In a thread of its own, since a search for a name can't be given a time limit; it may outlive
    this function but not the program.
    """
    if urllib.request.getproxies().get(url.scheme) and not urllib.request.proxy_bypass(url.netloc):
        return  # The proxy finds the host.
    outcome = []

    def reach():
        try:
            port = url.port or (443 if url.scheme == "https" else 80)
            socket.create_connection((url.hostname, port), timeout=REACH_SECONDS).close()
            outcome.append(None)
        except (OSError, UnicodeError) as error:  # The latter from a name that can be none.
            outcome.append(getattr(error, "strerror", None) or str(error))

    thread = threading.Thread(target=reach, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    reason = outcome[0] if outcome else f"no answer in {REACH_SECONDS} s"
    if reason is not None:
        raise Refusal(f"No network, nothing fetched: {url.hostname} can't be reached ({reason}).")


def download(text, target, seconds, progress):
    """Writes what is at the URL `text` into the open file `target`."""
    try:
        url = urllib.parse.urlsplit(text)
        if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
            raise ValueError
    except ValueError:
        raise Refusal(f"Not an http or https URL: {text}.") from None
    check_reachable(url)
    deadline = time.monotonic() + seconds
    try:
        request = urllib.request.Request(text, headers={"User-Agent": "fetch-online-retail"})
        timeout = min(SILENCE_SECONDS, seconds)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            announced = int(response.headers.get("Content-Length") or 0)
            count = 0
            # `read1` returns after each packet: a server that trickles can't outstay the limit.
            while part := response.read1(1 << 16):
                count += len(part)
                if max(count, announced) > DOWNLOAD_BYTES_MAX:
                    raise Refusal(
                        f"The download is larger than {DOWNLOAD_BYTES_MAX >> 20} MiB: not the data set.")
                if time.monotonic() > deadline:
                    raise Refusal(f"The download took longer than {seconds:g} s.")
                target.write(part)
                of = f" of {announced / 1e6:.1f}" if announced else ""
                progress.update(f"Downloading: {count / 1e6:.1f}{of} MB")
    except urllib.error.HTTPError as error:
        raise Refusal(f"{url.hostname} answered {error.code} {error.reason}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise Refusal(f"The download from {url.hostname} failed ({reason}).") from None
    if count < announced:
        raise Refusal(f"The download broke off after {count:,} of {announced:,} bytes.")
    target.flush()
    progress.finish()


# MARK: Workbook


class LimitedStream(io.RawIOBase):
    """A file inside an archive that refuses to give more than so many bytes."""

    def __init__(self, stream, byte_count_max, name):
        super().__init__()
        self._stream, self._left, self._name = stream, byte_count_max, name

    def close(self):
        self._stream.close()
        super().close()

    def read(self, size=-1):
        part = self._stream.read(1 << 16 if size is None or size < 0 else size)
        self._left -= len(part)
        if self._left < 0:
            raise Refusal(f"{self._name} in the workbook is larger than any of the data set.")
        return part


def local_name(tag):
    """The name of an element or attribute without its namespace, of which the format has two."""
    return tag[tag.rfind("}") + 1:]


class Workbook:
    """The values in an .xlsx file, row by row: text as `str`, numbers as `float`.

    In memory are the shared strings and one row.
    """

    def __init__(self, archive):
        self._archive = archive
        targets = {}
        strings = None
        for element in self._small("xl/_rels/workbook.xml.rels"):
            path = element.get("Target", "")
            path = path[1:] if path.startswith("/") else "xl/" + path
            targets[element.get("Id")] = path
            if element.get("Type", "").endswith("/sharedStrings"):
                strings = path
        self._sheets = {}
        self._epoch = datetime(1899, 12, 30)
        for element in self._small("xl/workbook.xml").iter():
            name = local_name(element.tag)
            if name == "sheet":
                ids = [v for k, v in element.attrib.items() if k.endswith("}id")]
                self._sheets[element.get("name")] = targets.get(ids[0]) if ids else None
            elif name == "workbookPr" and element.get("date1904") in ("1", "true"):
                self._epoch = datetime(1904, 1, 1)
        self._strings = list(self._shared_strings(strings)) if strings else []

    def rows(self, sheet):
        """The rows of a sheet that hold anything: values by index of column."""
        path = self._sheets.get(sheet)
        if path is None:
            raise Refusal(f'The workbook has no sheet "{sheet}".')
        for row in self._elements(path, "row", SHEET_BYTES_MAX):
            values = {}
            column = -1
            for cell in row:
                reference = cell.get("r")
                column = column_index(reference.rstrip("0123456789")) if reference else column + 1
                value = self._value(cell)
                if value is not None and value != "":
                    values[column] = value
            if values:
                yield values

    @functools.lru_cache(maxsize=1 << 12)
    def date(self, value):
        """A serial date (days since the epoch) or an ISO 8601 text, to the second."""
        if isinstance(value, float):
            # Serial dates are binary fractions of a day: off a whole second by some microseconds.
            moment = self._epoch + timedelta(seconds=round(value * 86_400))
        else:
            moment = datetime.fromisoformat(value)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def _value(self, cell):
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return rich_text(cell)
        text = next((e.text for e in cell if e.tag.endswith("}v")), None)
        if text is None:
            return None
        if kind == "n":
            return float(text)
        if kind == "s":
            return self._strings[int(text)]
        return text

    def _shared_strings(self, path):
        for element in self._elements(path, "si", SHARED_STRINGS_BYTES_MAX):
            yield rich_text(element)

    def _small(self, path):
        with self._open(path, 1 << 20) as stream:
            return ElementTree.parse(stream).getroot()

    def _elements(self, path, name, byte_count_max):
        """The elements of that name, each forgotten after its turn."""
        with self._open(path, byte_count_max) as stream:
            parent = tag = None
            for event, element in ElementTree.iterparse(stream, ("start", "end")):
                if event == "end":
                    if element.tag == tag:
                        yield element
                        parent.clear()
                elif tag is None:
                    tag = element.tag[:element.tag.rfind("}") + 1] + name
                    parent = element
                elif element.tag.endswith("}sheetData"):
                    parent = element

    def _open(self, path, byte_count_max):
        return LimitedStream(self._archive.open(path), byte_count_max, path)


@functools.lru_cache(maxsize=1 << 10)
def column_index(letters):
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def rich_text(element):
    """The text of a string element: plain, or in runs of their own formats.

    Phonetic hints are no part of it.
    """
    parts = []
    for child in element:
        name = local_name(child.tag)
        if name == "t":
            parts.append(child.text or "")
        elif name in ("r", "is"):
            parts.append(rich_text(child))
    return "".join(parts)


def unpack(file, work, progress):
    """The archive that is the workbook: `file` itself, or the one workbook within it."""
    with zipfile.ZipFile(file) as archive:
        if "xl/workbook.xml" in archive.namelist():
            return zipfile.ZipFile(file)
        names = [name for name in archive.namelist() if name.lower().endswith(".xlsx")]
        if len(names) != 1:
            raise Refusal(f"There is not one workbook in the archive, but {len(names)}.")
        # Into a file, since an archive is read from its end and a compressed one can't be.
        path = work / "workbook.xlsx"
        with open(path, "wb") as target, archive.open(names[0]) as member:
            stream = LimitedStream(member, WORKBOOK_BYTES_MAX, names[0])
            while part := stream.read(1 << 20):
                target.write(part)
                progress.update(f"Unpacking: {target.tell() / 1e6:.1f} MB")
        return zipfile.ZipFile(path)


# MARK: Rows


def text(value):
    """A value as text; whole numbers without ".0", line breaks as spaces."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return re.sub(r"[\x00-\x1f\x7f]", " ", value)


def records(workbook, sheet):
    """The rows of a sheet below its header, as texts in the order of COLUMNS."""
    rows = workbook.rows(sheet)
    header = {}
    for index, name in next(rows, {}).items():
        key = re.sub(r"[^a-z]", "", text(name).lower())
        header.setdefault(COLUMN_NAMES.get(key), index)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise Refusal(f'The sheet "{sheet}" has no column {", ".join(missing)}.')
    indices = [header[name] for name in COLUMNS]
    for number, row in enumerate(rows, 2):
        if number > ROWS_MAX:
            raise Refusal(f'The sheet "{sheet}" has more than {ROWS_MAX:,} rows.')
        invoice, stock, description, quantity, date, price, customer, country = (
            row.get(index, "") for index in indices)
        try:
            yield [
                text(invoice), text(stock), text(description), str(whole(quantity)),
                workbook.date(date), repr(float(price)), text(customer), text(country),
            ]
        except (ValueError, OverflowError):
            raise Refusal(
                f'Row {number:,} of the sheet "{sheet}" has no proper quantity, date or price.'
            ) from None


def whole(value):
    number = float(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


# What common readers of spreadsheets take for an empty cell.
EMPTY = {"NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None", "#N/A", "#NA", "<NA>"}


def normalised(row):
    """A row as it enters the digest.

    The table EXPECTED was made from copies that had gone through other programs than this one.
    Where programs differ in what they keep, the digest looks away:
    - blanks around a text, and in a description all but ASCII letters and digits: some trim, some
      escape quotes, some change the encoding of the pound sign; what EMPTY names may be empty;
    - seconds: the data set has none, but a serial date is a fraction of a day;
    - a price beyond 4 decimals: the workbook may hold 2.5499999999999998 for 2.55, and some read
      and write it as it is.
    """
    invoice, stock, description, quantity, date, price, customer, country = row
    description = "" if description.strip() in EMPTY else re.sub(r"[^0-9A-Za-z]", "", description)
    return "\x1f".join([
        invoice.strip(), stock.strip(), description, quantity, date[:16],
        f"{round(float(price), 4) + 0.0:.4f}", customer.strip(), country.strip(),
    ])


def digest(rows):
    """The number of the rows and the SHA-256 of their sorted normalised lines, each ended by LF.

    Sorted, since the order of lines that share a minute is not known to be kept everywhere.
    """
    lines = sorted(normalised(row).encode() for row in rows)
    return len(lines), hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def months(first, last):
    year, month = map(int, first.split("-"))
    while (name := f"{year:04}-{month:02}") <= last:
        yield name
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


# MARK: Conversion


class Conversion:
    """Turns a workbook into the CSV files, in a directory for unfinished work.

    Rows go to a file per month first; so no more than one month is sorted in memory.
    """

    def __init__(self, workbook, work, progress):
        self._workbook, self._work, self._progress = workbook, work, progress
        self._differences = []
        self._later_rows = 0

    def run(self):
        """Writes all files; answers their names and numbers of rows. Refuses what differs."""
        written = [(year[1], self._convert(*year)) for year in YEARS]
        if self._later_rows not in EXPECTED_LATER_ROWS:
            self._differences.append(
                f"after {max(EXPECTED)}: {self._later_rows:,} rows,"
                f" expected {EXPECTED_LATER_ROWS[0]:,} or {EXPECTED_LATER_ROWS[-1]:,}")
        if self._differences:
            raise Refusal("\n  ".join(
                ["This is not the data set that is known here; these parts differ:"]
                + self._differences))
        return written

    def _convert(self, sheet, name, first, last):
        parts = self._split(sheet, list(months(first, last)))
        count = 0
        with open(self._work / name, "wb") as raw:
            # No name and no time in the head: equal rows make equal bytes.
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
                file.write((",".join(COLUMNS) + "\n").encode())
                for month, part in parts.items():
                    self._progress.update(f"{sheet}: checking {month}")
                    lines = part.read_text("utf-8").split("\n")[:-1]
                    part.unlink()
                    # Each line begins with its date; lines of one minute keep the sheet's order.
                    lines.sort(key=lambda line: line[:19])
                    lines = [line[20:] for line in lines]
                    self._check(sheet, month, lines)
                    file.write("".join(line + "\n" for line in lines).encode())
                    count += len(lines)
            raw.flush()
            os.fsync(raw.fileno())
        return count

    def _split(self, sheet, names):
        parts = {name: self._work / f"{name}.part" for name in names}
        files = {name: open(part, "w", encoding="utf-8") for name, part in parts.items()}
        try:
            writers = {
                name: csv.writer(file, lineterminator="\n") for name, file in files.items()}
            for number, row in enumerate(records(self._workbook, sheet), 1):
                date = row[4]
                month = date[:7]
                if month in writers:
                    files[month].write(date + "\t")
                    writers[month].writerow(row)
                elif month != REPEATED_MONTH or date[:10] > REPEATED_UNTIL:
                    raise Refusal(f'The sheet "{sheet}" has a row of {date[:10]}.')
                if number % 1000 == 0:
                    self._progress.update(f"{sheet}: {number:,} rows")
        finally:
            for file in files.values():
                file.close()
        return parts

    def _check(self, sheet, month, lines):
        if month not in EXPECTED:
            self._later_rows += len(lines)
            return
        count, value = digest(csv.reader(lines))
        expected_count, expected_value = EXPECTED[month]
        if count != expected_count:
            self._differences.append(
                f'{month} in "{sheet}": {count:,} rows, expected {expected_count:,}')
        elif value != expected_value:
            self._differences.append(
                f'{month} in "{sheet}": {count:,} rows as expected, digest {value[:16]}…,'
                f" expected {expected_value[:16]}…")


def files_at_hand(directory):
    """The files that the demo would take; none where one of this program's two is missing."""
    names = sorted(
        path.name for path in directory.glob("online_retail*")
        if path.name.endswith((".csv", ".csv.gz")))
    own = [year[1] for year in YEARS]
    return [] if len(names) == 1 and names[0] in own else names


def fetch(arguments):
    """Fetches or converts; answers what to tell."""
    directory = Path(arguments.directory)
    found = files_at_hand(directory)
    if found:
        return f"Nothing to do: {directory} holds {', '.join(found)}."
    created = [path for path in [directory, *directory.parents] if not path.exists()]
    progress = Progress()
    is_done = False
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-online-retail-", dir=directory) as name:
            work = Path(name)
            source = arguments.workbook
            if source is None:
                source = work / "archive.zip"
                with open(source, "wb") as target:
                    download(arguments.url, target, arguments.time_limit, progress)
            with unpack(source, work, progress) as archive:
                written = Conversion(Workbook(archive), work, progress).run()
            install(work, directory, [name for name, _ in written])
        is_done = True
    finally:
        progress.finish()
        if not is_done:
            for path in created:
                with contextlib.suppress(OSError):  # Not there, or not empty any more.
                    path.rmdir()
    return "Wrote " + " and ".join(
        f"{directory / name} ({count:,} rows)" for name, count in written
    ) + f"; every month up to {max(EXPECTED)} has the known digest."


def install(work, directory, names):
    """Moves the finished files to their place: all of them, or none."""
    moved = []
    try:
        for name in names:
            os.replace(work / name, directory / name)
            moved.append(directory / name)
    except BaseException:
        for path in moved:
            path.unlink()
        raise


def print_digests(files):
    for file in files:
        by_month = {}
        with (gzip.open if file.endswith(".gz") else open)(file, "rt", encoding="utf-8") as lines:
            rows = csv.reader(lines)
            if next(rows, None) != COLUMNS:
                raise Refusal(f"{file} has not the columns of the data set.")
            for row in rows:
                by_month.setdefault(row[4][:7], []).append(row)
        for month, rows in sorted(by_month.items()):
            count, value = digest(rows)
            print(f'    "{month}": ({count:_}, "{value}"),')


def seconds(text):
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("between 0 and 86400 seconds")
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="fetch-online-retail.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", metavar="DIRECTORY", help="where the files go")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--workbook", metavar="FILE",
        help="convert this .xlsx, or the .zip around it, instead of downloading")
    source.add_argument("--url", default=URL, help="download from here (default: %(default)s)")
    source.add_argument(
        "--digests", nargs="+", metavar="FILE",
        help="print the digests of CSV files by month, and do nothing else")
    parser.add_argument(
        "--time-limit", type=seconds, default=DOWNLOAD_SECONDS, metavar="SECONDS",
        help="the most time for the download (default: %(default)s)")
    result = parser.parse_args(arguments)
    if (result.directory is None) == (result.digests is None):
        parser.error("one of DIRECTORY and --digests is needed")
    return result


def main(arguments=None):
    """Runs the program; answers its exit status."""
    arguments = parse(arguments)
    try:
        if arguments.digests:
            print_digests(arguments.digests)
        else:
            print(fetch(arguments))
        return 0
    except Refusal as refusal:
        message = str(refusal)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        message = "The archive is damaged or incomplete."
    except (ElementTree.ParseError, LookupError, ValueError, RuntimeError) as error:
        message = f"The archive holds no proper workbook ({type(error).__name__}: {error})."
    except OSError as error:
        message = f"{error.filename or arguments.directory}: {error.strerror or error}."
    except KeyboardInterrupt:
        message = "Interrupted."
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    # Ended from outside, it cleans up as after Control-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
