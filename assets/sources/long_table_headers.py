"""Roles of the columns of published tables, and the headers that they are published under."""

from typing import Literal

AREAS = {
    "city": ("อปท.", "องค์กรปกครองส่วนท้องถิ่น", "หน่วยงาน อปท.", "ชื่อ อปท.", "เทศบาล", "ชื่อองค์กรปกครองส่วนท้องถิ่น"),
    "tambon": ("ตำบล", "แขวง", "ตำบล/แขวง", "ชื่อตำบล", "ชื่อตำบล/แขวง", "tambon", "subdistrict"),
    "amphoe": ("อำเภอ", "เขต", "อำเภอ/เขต", "ชื่ออำเภอ", "ชื่ออำเภอ/เขต", "amphoe", "district"),
    "province": ("จังหวัด", "province", "ชื่อจังหวัด", "changwat"),
}
"""Level → headers of the column that names areas of it, the finest first."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "year": ("ปี", "พ.ศ.", "ปี พ.ศ.", "ปี (พ.ศ.)", "ปีปฏิทิน", "ปีข้อมูล", "year"),
    "fiscal_year": ("ปีงบประมาณ", "ปีงบประมาณ พ.ศ.", "ปีงบประมาณ (พ.ศ.)", "ปีงบ", "fiscal year", "fiscal_year"),
    "quarter": ("ไตรมาส", "ไตรมาสที่", "quarter"),
    "month": ("เดือน", "ชื่อเดือน", "month"),
    "item": ("รายการ", "รายการข้อมูล", "รายการสถิติทางการ", "ชื่อชุดข้อมูล", "ชื่อรายการ", "ตัวชี้วัด", "item"),
    **AREAS,
    "area": ("พื้นที่",),
    "category": ("ประเภท",),
    "origin": ("สัญชาติ", "สถานะ"),
    "sex": ("เพศ", "Attribute"),
    "age": ("ช่วงอายุ", "กลุ่มอายุ"),
    "value": ("จำนวน", "ค่าข้อมูล", "ค่า", "ปริมาณ", "Value"),
    "unit": ("หน่วย", "หน่วยนับ", "หน่วยวัด", "unit"),
    "remark": ("หมายเหตุ", "remark", "remarks"),
}
"""Role → headers it is published under, seen at the catalogues of Phuket, Nakhon Si Thammarat and Chiang Mai. A fiscal
year runs from October to September and is named by the year it ends in (Budget Procedure Act, B.E. 2561, section 4)."""

Role = Literal[
    "year", "fiscal_year", "quarter", "month", "item", "city", "tambon", "amphoe", "province", "area",
    "category", "origin", "sex", "age", "value", "unit", "remark",
]  # fmt: skip
"""The keys of ``COLUMNS``."""
