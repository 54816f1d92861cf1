"""Tests of Tools/fetch-online-retail.py. Run: python3 -m unittest discover -s Tests/Tools"""

import contextlib
import gzip
import http.server
import importlib.util
import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile
from pathlib import Path
from unittest import mock
from xml.sax.saxutils import escape

SCRIPT = Path(__file__).resolve().parents[2] / "Tools" / "fetch-online-retail.py"


def load_script():
    specification = importlib.util.spec_from_file_location("fetch_online_retail", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    with mock.patch.object(sys, "dont_write_bytecode", True):
        specification.loader.exec_module(module)
    return module


script = load_script()

HEADER = [
    "Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID",
    "Country",
]
# Serial dates of Excel, with the noise of a binary fraction where there is some.
DAY = 40148  # 2009-12-01
FIRST_YEAR = [
    [489434, 85048, "15CM GLASS BALL", 12, DAY + 465 / 1440, 6.95, 13085, "United Kingdom"],
    [489434, "79323P", " PINK, 7\" \u00a35 ", 12, DAY + 465 / 1440, 2.1, 13085.0, "United Kingdom"],
    ["C489449", "22087", "BUNTING", -12, DAY + 633 / 1440, 2.5499999999999998, 16321, "Australia"],
    [489521, 21646, None, -50, DAY + 704 / 1440, 0, None, "United Kingdom"],
    [536364, 21181, 21494, 24, 40512 + 1175 / 1440, 2.1, 14441, "United Kingdom"],
]
REPEATED = [[536365, "85123A", "HOLDER", 6, 40513 + 506 / 1440, 2.55, 17850, "United Kingdom"]]
SECOND_YEAR = REPEATED + [
    [565078, "D", "Discount", -1, 40786 + 1065 / 1440, 57.6, 16422, "United Kingdom"],
    [581587, 22138, "BAKING SET", 3, 40886 + 770 / 1440, 4.95, 12680, "France"],
]
FIRST_FILE = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
489434,85048,15CM GLASS BALL,12,2009-12-01 07:45:00,6.95,13085,United Kingdom
489434,79323P," PINK, 7"" \u00a35 ",12,2009-12-01 07:45:00,2.1,13085,United Kingdom
C489449,22087,BUNTING,-12,2009-12-01 10:33:00,2.55,16321,Australia
489521,21646,,-50,2009-12-01 11:44:00,0.0,,United Kingdom
536364,21181,21494,24,2010-11-30 19:35:00,2.1,14441,United Kingdom
"""
SECOND_FILE = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
565078,D,Discount,-1,2011-08-31 17:45:00,57.6,16422,United Kingdom
581587,22138,BAKING SET,3,2011-12-09 12:50:00,4.95,12680,France
"""
NAMES = ["online_retail_2009-12_2010-11.csv.gz", "online_retail_2010-12_2011-12.csv.gz"]


def digest(*lines):
    return script.digest(line.split(";") for line in lines)


EXPECTED = {
    "2009-12": digest(
        "489434;85048;15CM GLASS BALL;12;2009-12-01 07:45:00;6.95;13085;United Kingdom",
        "489434;79323P; PINK, 7\" \u00a35 ;12;2009-12-01 07:45:00;2.1;13085;United Kingdom",
        "C489449;22087;BUNTING;-12;2009-12-01 10:33:00;2.55;16321;Australia",
        "489521;21646;;-50;2009-12-01 11:44:00;0.0;;United Kingdom"),
    "2010-11": digest(
        "536364;21181;21494;24;2010-11-30 19:35:00;2.1;14441;United Kingdom"),
    "2010-12": digest(
        "536365;85123A;HOLDER;6;2010-12-01 08:26:00;2.55;17850;United Kingdom"),
    "2011-08": digest(
        "565078;D;Discount;-1;2011-08-31 17:45:00;57.6;16422;United Kingdom"),
}


class WorkbookWriter:
    """Writes a small .xlsx by hand, in one of the forms that the format allows for text."""

    MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

    def __init__(self, inline=False, references=True, date1904=False):
        self.inline, self.references, self.date1904 = inline, references, date1904
        self.strings = {}

    def cell(self, reference, value):
        place = f' r="{reference}"' if self.references else ""
        if value is None:
            return "" if self.references else "<c/>"
        if not isinstance(value, str):
            return f'<c{place} s="1"><v>{value!r}</v></c>'
        if self.inline:
            return f'<c{place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        index = self.strings.setdefault(value, len(self.strings))
        return f'<c{place} t="s"><v>{index}</v></c>'

    def sheet(self, rows):
        lines = []
        for number, row in enumerate(rows, 1):
            cells = (self.cell(f"{c}{number}", v) for c, v in zip("ABCDEFGH", row))
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
        return (
            f'<worksheet xmlns="{self.MAIN}"><dimension ref="A1"/>'
            f'<sheetData>{"".join(lines)}</sheetData><pageMargins left="1"/></worksheet>')

    def string(self, value):
        # In two runs, with a phonetic hint that is no part of the text.
        head, tail = escape(value[:3]), escape(value[3:])
        return (
            f'<si><r><t xml:space="preserve">{head}</t></r><r><t xml:space="preserve">{tail}</t>'
            '</r><rPh sb="0" eb="1"><t>hint</t></rPh></si>')

    def write(self, sheets):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            names, relations = [], []
            for index, (name, rows) in enumerate(sheets.items(), 1):
                archive.writestr(f"xl/worksheets/sheet{index}.xml", self.sheet(rows))
                names.append(f'<sheet name="{name}" sheetId="{index}" r:id="rId{index}"/>')
                # A target is relative to the folder xl, or begins at the root.
                path = ["/xl/worksheets", "worksheets"][index % 2] + f"/sheet{index}.xml"
                relations.append(
                    f'<Relationship Id="rId{index}" Type="{self.OFFICE}/worksheet" Target="{path}"/>')
            if self.strings:
                relations.append(
                    f'<Relationship Id="s" Type="{self.OFFICE}/sharedStrings"'
                    ' Target="sharedStrings.xml"/>')
                archive.writestr(
                    "xl/sharedStrings.xml",
                    f'<sst xmlns="{self.MAIN}">{"".join(map(self.string, self.strings))}</sst>')
            archive.writestr(
                "xl/workbook.xml",
                f'<workbook xmlns="{self.MAIN}" xmlns:r="{self.OFFICE}">'
                f'<workbookPr date1904="{int(self.date1904)}"/>'
                f'<sheets>{"".join(names)}</sheets></workbook>')
            archive.writestr(
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{self.PACKAGE}">{"".join(relations)}</Relationships>')
        return target.getvalue()


def workbook(first=None, second=None, header=HEADER, **form):
    first = FIRST_YEAR + REPEATED if first is None else first
    second = SECOND_YEAR if second is None else second
    return WorkbookWriter(**form).write(
        {"Year 2009-2010": [header] + first, "Year 2010-2011": [header] + second})


def zipped(content, name="online_retail_II.xlsx"):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.directory = self.root / "new" / "data"
        for name, value in [("EXPECTED", EXPECTED), ("EXPECTED_LATER_ROWS", range(1, 2))]:
            patch = mock.patch.object(script, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        patch = mock.patch.dict(os.environ, {"no_proxy": "127.0.0.1,unknown.invalid"})
        patch.start()
        self.addCleanup(patch.stop)

    def run_script(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = script.main([*map(str, arguments), str(self.directory)])
        return status, out.getvalue(), err.getvalue()

    def convert(self, content):
        file = self.root / "given"
        file.write_bytes(content)
        return self.run_script("--workbook", file)

    def assert_written(self, result):
        status, out, err = result
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(sorted(os.listdir(self.directory)), NAMES)
        for name, expected in zip(NAMES, [FIRST_FILE, SECOND_FILE]):
            found = gzip.decompress((self.directory / name).read_bytes()).decode()
            self.assertEqual(found, expected)

    def assert_refused(self, result, *reasons):
        status, out, err = result
        self.assertEqual((status, out), (1, ""), err)
        for reason in reasons:
            self.assertIn(reason, err)
        self.assertEqual(err.count("\n"), err.rstrip().count("\n  ") + 1, "one sentence, its parts")
        self.assertFalse((self.root / "new").exists(), "something is left behind")


class ConversionTests(Case):
    def test_shared_strings_dates_empty_cells_and_cancellations_become_csv(self):
        self.assert_written(self.convert(workbook()))

    def test_the_archive_around_the_workbook_is_taken_as_well(self):
        self.assert_written(self.convert(zipped(workbook())))

    def test_inline_strings_and_cells_without_references(self):
        self.assert_written(self.convert(workbook(inline=True, references=False)))

    def test_columns_are_found_by_name_in_both_editions(self):
        def turned(rows):
            return [row[::-1] for row in rows]

        content = workbook(
            turned(FIRST_YEAR), turned(SECOND_YEAR), header=script.COLUMNS[::-1])
        self.assert_written(self.convert(content))

    def test_rows_are_sorted_by_date_and_keep_their_order_within_a_minute(self):
        first = FIRST_YEAR[2:] + FIRST_YEAR[:2]
        self.assert_written(self.convert(workbook(first, SECOND_YEAR[::-1])))

    def test_dates_since_1904(self):
        def moved(rows):
            return [row[:4] + [row[4] - 1462] + row[5:] for row in rows]

        self.assert_written(
            self.convert(workbook(moved(FIRST_YEAR), moved(SECOND_YEAR), date1904=True)))

    def test_dates_as_text(self):
        rows = [FIRST_YEAR[4][:4] + ["2010-11-30T19:35:00"] + FIRST_YEAR[4][5:]]
        self.assert_written(self.convert(workbook(FIRST_YEAR[:4] + rows)))

    def test_equal_workbooks_make_equal_bytes(self):
        self.convert(workbook())
        before = [(self.directory / name).read_bytes() for name in NAMES]
        for name in NAMES:
            (self.directory / name).unlink()
        time.sleep(1.1)  # The head of a gzip file could hold the time, in seconds.
        self.convert(workbook(inline=True))
        self.assertEqual(before, [(self.directory / name).read_bytes() for name in NAMES])

    def test_data_at_hand_is_left_alone(self):
        self.directory.mkdir(parents=True)
        (self.directory / "online_retail_mine.csv").write_text("x")
        status, out, _ = self.convert(b"not even an archive")
        self.assertEqual(status, 0)
        self.assertIn("online_retail_mine.csv", out)
        self.assertEqual(os.listdir(self.directory), ["online_retail_mine.csv"])

    def test_half_a_result_is_completed(self):
        self.directory.mkdir(parents=True)
        (self.directory / NAMES[0]).write_text("x")
        self.assert_written(self.convert(workbook()))


class RefusalTests(Case):
    def test_a_changed_value_names_its_month(self):
        row = [REPEATED[0][:3] + [7] + REPEATED[0][4:]]
        result = self.convert(workbook(second=row + SECOND_YEAR[1:]))
        self.assert_refused(result, '2010-12 in "Year 2010-2011": 1 rows as expected, digest')
        self.assertNotIn("2009-12", result[2])

    def test_a_missing_row_and_a_doubled_one_name_their_months(self):
        result = self.convert(workbook(FIRST_YEAR[1:] + FIRST_YEAR[4:]))
        self.assert_refused(
            result, "2009-12 in \"Year 2009-2010\": 3 rows, expected 4", "2010-11", "2 rows, expected 1")

    def test_rows_missing_behind_the_last_known_month(self):
        self.assert_refused(
            self.convert(workbook(second=SECOND_YEAR[:2])), "after 2011-08: 0 rows, expected 1")

    def test_a_row_of_another_time(self):
        row = FIRST_YEAR[0][:4] + [40523.5] + FIRST_YEAR[0][5:]
        self.assert_refused(self.convert(workbook([row])), "has a row of 2010-12-11")

    def test_an_archive_cut_anywhere(self):
        content = zipped(workbook())
        for count in range(0, len(content), 97):
            with self.subTest(byte_count=count):
                self.assert_refused(self.convert(content[:count]), "damaged or incomplete")

    def test_a_damaged_sheet(self):
        content = bytearray(workbook())
        content[content.index(b"sheet1.xml") + 40] ^= 0xFF
        self.assert_refused(self.convert(bytes(content)), "damaged or incomplete")

    def test_a_missing_sheet_and_a_missing_column(self):
        only = WorkbookWriter().write({"Year 2009-2010": [HEADER]})
        self.assert_refused(self.convert(only), 'no sheet "Year 2010-2011"')
        self.assert_refused(self.convert(workbook(header=HEADER[:-1])), "no column Country")

    def test_cells_that_are_no_numbers(self):
        for index, value in [(3, 1.5), (3, "many"), (4, "soon"), (4, 1e300), (5, None)]:
            with self.subTest(column=HEADER[index], value=value):
                row = list(FIRST_YEAR[0])
                row[index] = value
                self.assert_refused(
                    self.convert(workbook([row])), 'Row 2 of the sheet "Year 2009-2010"')

    def test_an_archive_of_something_else(self):
        self.assert_refused(self.convert(zipped(b"", "readme.txt")), "not one workbook")
        self.assert_refused(self.convert(zipped(b"", "xl/workbook.xml")), "no proper workbook")

    def test_a_workbook_that_grows_when_unpacked(self):
        for name in ["WORKBOOK_BYTES_MAX", "SHEET_BYTES_MAX", "SHARED_STRINGS_BYTES_MAX"]:
            with self.subTest(name), mock.patch.object(script, name, 100):
                self.assert_refused(self.convert(zipped(workbook())), "larger than any")

    def test_rows_beyond_the_limit(self):
        with mock.patch.object(script, "ROWS_MAX", len(FIRST_YEAR) + 1):
            self.assert_refused(self.convert(workbook()), "more than 6 rows")
        with mock.patch.object(script, "ROWS_MAX", len(FIRST_YEAR) + 2):
            self.assert_written(self.convert(workbook()))

    def test_a_file_that_cannot_be_moved_takes_the_other_with_it(self):
        replace, calls = os.replace, []

        def fail_at_the_second(source, target):
            calls.append(target)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")
            replace(source, target)

        with mock.patch.object(script.os, "replace", fail_at_the_second):
            self.assert_refused(self.convert(workbook()), "No space left on device")

    def test_a_directory_that_was_there_stays_and_is_empty(self):
        self.directory.mkdir(parents=True)
        self.assertEqual(self.convert(b"")[0], 1)
        self.assertEqual(os.listdir(self.directory), [])

    def test_an_interrupt_cleans_up(self):
        with mock.patch.object(script, "install", side_effect=KeyboardInterrupt):
            self.assert_refused(self.convert(workbook()), "Interrupted")


class DigestTests(unittest.TestCase):
    ROW = ["1", "D", "A \"B\" 5", "2", "2010-01-01 08:00:00", "2.55", "13085", "EIRE"]

    def test_the_order_of_rows_does_not_count(self):
        other = self.ROW[:3] + ["9"] + self.ROW[4:]
        self.assertEqual(script.digest([self.ROW, other]), script.digest([other, self.ROW]))

    def test_a_row_counts_as_often_as_it_stands_there(self):
        self.assertNotEqual(script.digest([self.ROW]), script.digest([self.ROW, self.ROW]))

    def test_what_other_programs_change_does_not_count(self):
        changed = [
            "1 ", " D", " A  \\\"B\\\" \u00a35", "2", "2010-01-01 08:00:01", "2.5499999999999998", "13085",
            "EIRE ",
        ]
        self.assertEqual(script.digest([self.ROW]), script.digest([changed]))

    def test_every_column_counts(self):
        values = ["2", "E", "A B 6", "3", "2010-01-01 08:01:00", "2.5501", "", "France"]
        for index, value in enumerate(values):
            with self.subTest(script.COLUMNS[index]):
                changed = self.ROW[:index] + [value] + self.ROW[index + 1:]
                self.assertNotEqual(script.digest([self.ROW]), script.digest([changed]))

    def test_the_known_months_have_the_published_number_of_rows(self):
        self.assertEqual(list(script.EXPECTED), list(script.months("2009-12", "2011-08")))
        count = sum(count for count, _ in script.EXPECTED.values())
        # 22,523 rows stand in both sheets.
        self.assertIn(1_067_371 - 22_523 - count, script.EXPECTED_LATER_ROWS)

    def test_the_table_of_digests_can_be_printed_again(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "a.csv")
            file.write_text(SECOND_FILE, "utf-8")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertEqual(script.main(["--digests", str(file)]), 0)
        self.assertIn('    "2011-08": (1, "' + EXPECTED["2011-08"][1] + '"),\n', out.getvalue())


class Server(http.server.ThreadingHTTPServer):
    """Answers every request on loopback with `answer`, a function of the handler."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with contextlib.suppress(OSError):
                    answer(self)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/data.zip"


class DownloadTests(Case):
    def serve(self, answer):
        server = Server(answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return server.url

    def answer(self, content, announced=None):
        def send(handler):
            handler.send_response(200)
            if announced is not None:
                handler.send_header("Content-Length", str(announced))
            handler.end_headers()
            handler.wfile.write(content)

        return self.serve(send)

    def test_what_is_downloaded_is_converted(self):
        content = zipped(workbook())
        self.assert_written(self.run_script("--url", self.answer(content, len(content))))

    def test_a_length_need_not_be_announced(self):
        self.assert_written(self.run_script("--url", self.answer(zipped(workbook()))))

    def test_a_download_that_breaks_off(self):
        content = zipped(workbook())
        url = self.answer(content[:-10], len(content))
        self.assert_refused(self.run_script("--url", url), "broke off")

    def test_a_download_that_is_too_large(self):
        with mock.patch.object(script, "DOWNLOAD_BYTES_MAX", 1000):
            for announced in [None, 1001]:
                with self.subTest(announced=announced):
                    url = self.answer(b"x" * 1001, announced)
                    self.assert_refused(self.run_script("--url", url), "not the data set")

    def test_a_server_that_trickles_is_left_at_the_time_limit(self):
        def trickle(handler):
            handler.send_response(200)
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        began = time.monotonic()
        result = self.run_script("--time-limit", "0.3", "--url", self.serve(trickle))
        self.assert_refused(result, "took longer than 0.3 s")
        self.assertLess(time.monotonic() - began, 3)

    def test_an_answer_that_is_no_file(self):
        url = self.serve(lambda handler: handler.send_error(404))
        self.assert_refused(self.run_script("--url", url), "127.0.0.1 answered 404 Not Found.")
        url = self.answer(b"<html>moved</html>")
        self.assert_refused(self.run_script("--url", url), "damaged or incomplete")

    def test_other_kinds_of_url(self):
        for url in ["file:///etc/hostname", "ftp://127.0.0.1/x", "data.zip", "http://x:y/", "http://"]:
            with self.subTest(url):
                self.assert_refused(self.run_script("--url", url), "Not an http or https URL")

    def test_a_name_that_is_searched_for_too_long(self):
        ended = threading.Event()
        self.addCleanup(ended.set)

        def search(*_, **__):
            ended.wait(30)
            raise OSError

        with mock.patch.object(script, "REACH_SECONDS", 0.1), mock.patch.object(
                script.socket, "create_connection", search):
            result = self.run_script("--url", "http://unknown.invalid/data.zip")
        self.assert_refused(
            result, "No network, nothing fetched: unknown.invalid can't be reached (no answer in 0.1 s).")


class ProgramTests(Case):
    def program(self, *arguments):
        began = time.monotonic()
        result = subprocess.run(
            [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout, result.stderr, time.monotonic() - began

    def test_without_a_network_it_says_so_within_seconds(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        *result, elapsed = self.program("--url", f"http://127.0.0.1:{port}/data.zip", self.directory)
        self.assert_refused(
            result, "No network, nothing fetched: 127.0.0.1 can't be reached (Connection refused).")
        self.assertLess(elapsed, 10)

    def test_rows_that_are_not_the_data_set_are_refused(self):
        file = self.root / "given.xlsx"
        file.write_bytes(workbook())
        *result, _ = self.program("--workbook", file, self.directory)
        self.assert_refused(result, "2010-01", "0 rows, expected 31,555", "after 2011-08")

    def test_help_explains_the_program(self):
        status, out, _, _ = self.program("--help")
        self.assertEqual(status, 0)
        for word in ["DIRECTORY", "--workbook", "Creative Commons", "Exit status"]:
            self.assertIn(word, out)

    def test_wrong_use(self):
        self.assertEqual(self.program()[0], 2)
        self.assertEqual(self.program("--time-limit", "0", self.directory)[0], 2)
        self.assertEqual(self.program("--workbook", "a", "--url", "b", self.directory)[0], 2)


if __name__ == "__main__":
    unittest.main()
