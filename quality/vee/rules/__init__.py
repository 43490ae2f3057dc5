"""Rules for meter values: one pure function each, its source beside it, and the table of all of them."""

from typing import Final

from quality.readings import QUANTITIES
from quality.vee.rules import delivery, exchange, groups, others, use, values
from quality.vee.rules.rule import ACTIVE, IMPORT, Context as Context, Rule as Rule

_ANY: Final = tuple(QUANTITIES)
_PAST: Final = ("history_days", "history_full")
_GROUP: Final = ("group_least",)

RULES: Final = (
    Rule(
        0, "note", "ไม่มีค่าในช่วงเวลาที่ควรมี", "Ask the utility for the interval; it is estimated until it comes.",
        delivery.gap, _ANY, stage=0,
    ),
    Rule(
        1, "note", "นาฬิกาของมิเตอร์คลาดเคลื่อนไม่กี่วินาที", "Nothing now; have the clock set if it goes on.",
        delivery.clock, _ANY, ("clock",), stage=0,
    ),
    Rule(
        2, "suspect", "ช่วงเวลายังมาไม่ถึง", "Check the date and year of the file and the clock of the meter.",
        delivery.future, _ANY, ("now",), stage=0,
    ),
    Rule(
        3, "note", "มีค่านอกตารางเวลาของวัน", "Check whether the clock was set or the interval length was changed.",
        delivery.interval_count, _ANY, ("superseded",), stage=0,
    ),
    Rule(
        4, "note", "มีค่าอื่นส่งมาก่อนสำหรับช่วงเวลาเดียวกัน",
        "Ask the utility why it was corrected if many meters are concerned.",
        delivery.replaced, _ANY, ("superseded",), stage=0,
    ),
    Rule(
        5, "suspect", "ค่าประมาณมาแทนค่าที่อ่านได้จริง",
        "Take the value that was read; ask the utility why it was estimated.",
        delivery.actual_replaced, _ANY, ("superseded",), stage=0,
    ),
    Rule(
        6, "note", "วันแรกหรือวันสุดท้ายไม่ครบทั้งวัน", "Do not compare the day with whole ones.",
        delivery.partial_edge, _ANY, ("history",), stage=0,
    ),
    Rule(
        7, "note", "ค่าประมาณติดต่อกันนานเกินไป", "Have the meter read on site, or its communication repaired.",
        delivery.long_estimated, _ANY, ("history",), ("estimated_days",), stage=0,
    ),
    Rule(
        8, "suspect", "ค่าเป็นรหัสผิดพลาดของมิเตอร์", "Ask for the interval again; have the communication hub checked.",
        values.sentinel, stage=0,
    ),
    Rule(
        9, "suspect", "ค่าติดลบ", "Check the direction of the channel and the wiring.",
        values.negative, stage=0,
    ),
    Rule(
        10, "suspect", "กำลังไฟฟ้าสูงเกินพิกัดของการเชื่อมต่อ",
        "Check unit, multiplier and the contract of the meter; correct the register's class if it is another.",
        values.upper_limit, needs=("customer_class",), thresholds=("upper_kw", "contract_margin"),
    ),
    Rule(
        11, "suspect", "ค่าสูงผิดปกติเพียงหนึ่งหรือสองช่วงเวลา", "Ask for the interval again, or accept it.",
        values.spike, thresholds=("spike_tolerance", "spike_least_kw", "spike_past"),
    ),
    Rule(
        12, "suspect", "อ่านค่าเป็นศูนย์นานเกินไป", "Ask whether there was an outage or the meter is disconnected.",
        values.zero_run, IMPORT, ("customer_class",), ("zero_hours", "history_days"),
    ),
    Rule(
        13, "note", "ค่าเดิมซ้ำติดต่อกัน", "Look at the load; steady machines and coarse registers do it too.",
        values.flat_run, thresholds=("flat_slots",), stage=2,
    ),
    Rule(
        14, "suspect", "ทั้งวันเป็นค่าเดียว", "Have the meter and its communication checked.",
        values.frozen, thresholds=("frozen_share", "steady_spread", "history_days"),
    ),
    Rule(
        15, "note", "ค่าศูนย์หลายช่วงแล้วตามด้วยค่าที่รวมส่วนที่ขาด",
        "Use the sum, not the shape; tell the utility of repeated registers. Loads that start again look alike.",
        values.catch_up, thresholds=("catch_up_tolerance",),
    ),
    Rule(
        16, "note", "ใช้ไฟมากหรือน้อยผิดปกติเมื่อเทียบกับวันแบบเดียวกัน", "Look at the customer; accept it if it is so.",
        use.unusual_use, ACTIVE, ("like_days",), (*_PAST, "high_use", "low_use"), stage=2,
    ),
    Rule(
        17, "note", "กำลังไฟฟ้าสูงสุดเพิ่มขึ้นมาก", "Look at the customer; accept it if it is so.",
        use.peak_change, ACTIVE, ("like_days",), (*_PAST, "peak_change"), stage=2,
    ),
    Rule(
        18, "suspect", "ทั้งวันเป็นจำนวนเท่าของปกติ (หน่วยหรือตัวคูณ CT ผิด)",
        "Check the unit, the multiplier and whether the transformers were changed; accept it if the register agrees.",
        use.meter_scale, needs=("like_days",),
        thresholds=(*_PAST, "scale_least", "scale_alike", "scale_unit", "scale_unit_least"), stage=0,
    ),
    Rule(
        19, "suspect", "ทั้งไฟล์หรือทั้งโซนเป็นจำนวนเท่าของปกติ",
        "Check the unit and factor of the file with the utility; deliver it again, or declare them in the layout.",
        groups.group_scale, needs=("like_days",), thresholds=(*_PAST, *_GROUP, "group_scale", "group_alike"), stage=0,
        look=groups.beside_past,
    ),
    Rule(
        20, "suspect", "ค่าทั้งวันเหมือนกับอีกวันหนึ่ง", "Check the dates of the delivery; ask for the day again.",
        use.repeated_day, needs=("history",), thresholds=("repeated_distinct",), stage=0,
    ),
    Rule(
        21, "note", "ทุกมิเตอร์ขาดช่วงแรกหรือช่วงสุดท้ายของวัน (อ่านป้ายเวลาผิดด้าน)",
        "Check whether stamps mark the start or the end of an interval, and declare it in the layout.",
        groups.label_shift, _ANY, thresholds=(*_GROUP, "group_edge"), stage=0, look=groups.arrival,
    ),
    Rule(
        22, "note", "ค่าครึ่งหนึ่งของโซนหรือไฟล์เป็นค่าประมาณ", "Ask the utility what failed, and when actual values come.",
        groups.group_estimated, _ANY, thresholds=(*_GROUP, "group_estimated"), stage=0,
        look=groups.arrival, slots="estimated",
    ),
    Rule(
        23, "note", "ไม่มีค่าพลังงานรีแอกทีฟ หรือค่าเพาเวอร์แฟกเตอร์ผิดปกติ", "Check the wiring of the meter's phases.",
        others.reactive, ("reactive_import", "reactive_export"), thresholds=("power_factor",),
    ),
    Rule(
        24, "note", "มีไฟไหลย้อนทั้งที่ทะเบียนไม่มีการผลิตไฟ", "Check the wiring; bring the register up to date.",
        others.reverse_flow, ("active_export",), ("generates",),
    ),
    Rule(
        25, "note", "มิเตอร์ที่ถูกตัดไฟมีการใช้ไฟ", "Bring the register up to date, or have the meter visited.",
        others.inactive, IMPORT, ("connected",),
    ),
    Rule(
        26, "note", "มิเตอร์หลักกับมิเตอร์ตรวจสอบต่างกัน", "Have both meters checked.",
        others.main_check, IMPORT, ("check_of",), thresholds=("check_share", "check_kwh"),
    ),
    Rule(
        27, "suspect", "มิเตอร์รวมของสายป้อนอยู่ในกลุ่มลูกค้า (นับซ้ำ)", "Take the meter out of the register of customers.",
        groups.aggregate, IMPORT, ("zone",), (*_GROUP, "aggregate_share", "aggregate_variation"),
        look=groups.curves,
    ),
    Rule(
        28, "note", "มิเตอร์เดียวใช้ไฟส่วนใหญ่ของโซน", "Check that it is one customer, and not a sum of many.",
        groups.dominant, IMPORT, ("zone",), (*_GROUP, "dominant_share"), stage=2, look=groups.totals,
    ),
    Rule(
        29, "suspect", "ปริมาณที่วัดเปลี่ยนไปจากเดิม", "Check import and export, and the channel's declaration.",
        use.quantity_changed, _ANY, ("history",), stage=0,
    ),
    Rule(
        30, "note", "อัตรา TOU ไม่ตรงกับปฏิทิน", "Check the calendar of the year and the label of the stamps.",
        others.tou_rate, needs=("rate", "rates"),
    ),
    Rule(
        31, "suspect", "ผลรวมของช่วงเวลาไม่ตรงกับหน่วยบนหน้าปัด", "Check the multiplier, and the intervals of the period.",
        others.sum_check, IMPORT, ("sum_fails",), stage=0,
    ),
    Rule(
        32, "suspect", "ทั้งไฟล์หรือทั้งโซนใช้ไฟเร็วหรือช้ากว่าปกติหลายชั่วโมง (เขตเวลาผิด)",
        "Check the time zone of the stamps with the utility (UTC is seven hours behind); declare it in the layout.",
        groups.time_shift, IMPORT, needs=("like_days",),
        thresholds=(*_PAST, *_GROUP, "shift_hours", "shift_fit", "shift_shape", "shift_share"), stage=0,
        look=groups.beside_past,
    ),
    Rule(
        33, "suspect", "ค่าของมิเตอร์สองเครื่องสลับกัน",
        "Ask the utility whether the two meters were mixed up or exchanged; have their serial numbers read.",
        exchange.exchanged, IMPORT, needs=("like_days",),
        thresholds=(*_PAST, "exchange_least", "exchange_fit"), stage=0, look=groups.beside_past,
    ),
    Rule(
        34, "suspect", "พลังงานเดียวกันมาสองครั้งในชื่อช่องสัญญาณต่างกัน (นับครั้งเดียว)",
        "Have one of the two deliveries stopped; accept it if the meter has two registers that read alike.",
        others.told_twice,
        thresholds=(
            "twice_share", "twice_corrected", "twice_rounding", "repeated_distinct", "twice_sum", "twice_sum_lacking"
        ), stage=0,
    ),
    Rule(
        35, "note", "ค่าอาจยังไม่ได้คูณด้วยตัวคูณของหม้อแปลงเครื่องวัด (CT/VT)",
        "Ask whether the values have the factor of the transformers; accept them if the site is that quiet.",
        use.secondary, IMPORT, ("multiplier", "history"),
        ("factor_least", "factor_high", "secondary_kw", "secondary_kw_high", "secondary_share", "contract_margin"),
        stage=2,
    ),
)  # fmt: skip
"""Every rule, by bit. A bit is never given to another rule: lakes hold masks of them."""
