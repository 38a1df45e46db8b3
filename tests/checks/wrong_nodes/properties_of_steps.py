"""The properties that the steps of the course violate: for each rule that a step does not keep yet, a short scenario.

Most were found by a sweep and shrunk. If clients send their requests only to a leader, two leaders of one term rarely
store two commands at one index, so the scenarios for Log Matching name the servers that clients send to.
"""

# The step, the rule, and the scenario.
BROKEN_BY_STEPS: tuple[tuple[int, str, str], ...] = (
    (
        4,
        "Election Safety",
        (
            "raft-steps 1; step 4; servers tom tyke; seed 1; timing paper; at 0.260512 partition leader; "
            "at 0.691536 heal; at 0.737125 partition tyke; until 0.886181"
        ),
    ),
    (
        4,
        "Leader Append-Only",
        (
            "raft-steps 1; step 4; servers tom jerry spike tyke; seed 93; timing paper; clock tom 0.97; "
            "clock jerry 1.01; clock spike 1.04; clock tyke 1.01; at 0.275041 pause tom; at 0.276087 set k2 10; "
            "at 0.577989 set k1 11; at 0.579624 resume tom; until 0.581742"
        ),
    ),
    (
        4,
        "Log Matching",
        (
            "raft-steps 1; step 4; servers jerry spike tyke; seed 4; timing paper; at 0.219042 partition leader; "
            "at 0.482762 set x 33; at 0.545365 set x 34 to jerry; at 0.63288 partition spike; "
            "at 0.664665 set x 36; at 0.666646 set x 40 to jerry; until 0.666647"
        ),
    ),
    (
        4,
        "Leader Completeness",
        (
            "raft-steps 1; step 4; servers tom spike tyke; seed 9; timing paper; at 0.252767 partition tom; "
            "at 0.480421 set k1 11; at 0.652206 heal; until 0.70017"
        ),
    ),
    (
        4,
        "State Machine Safety",
        (
            "raft-steps 1; step 4; servers tom jerry spike tyke; seed 93; timing paper; clock tom 0.97; "
            "clock jerry 1.01; clock spike 1.04; clock tyke 1.01; at 0.275041 pause tom; at 0.276087 set k2 10; "
            "at 0.577989 set k1 11; at 0.579624 resume tom; until 0.58123"
        ),
    ),
    (
        4,
        "One Vote per Term",
        (
            "raft-steps 1; step 4; servers spike tyke; seed 0; timing paper; at 0.329247 partition leader; "
            "until 0.533435"
        ),
    ),
    (
        4,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 4; servers jerry spike; seed 1; timing paper; at 0.242791 lose jerry; "
            "at 0.249917 restart crashed; until 0.249918"
        ),
    ),
    (
        4,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 4; servers tom spike tyke; seed 9; timing paper; at 0.252767 partition tom; "
            "at 0.480421 set k1 11; at 0.652206 heal; until 0.70017"
        ),
    ),
    (
        5,
        "Election Safety",
        (
            "raft-steps 1; step 5; servers jerry spike; seed 5; timing paper; at 2.173488 partition leader; "
            "at 3.387416 heal; until 3.40825"
        ),
    ),
    (
        5,
        "Leader Append-Only",
        (
            "raft-steps 1; step 5; servers tom spike; seed 93; timing paper; delay 0.001 0.02; spread long; "
            "clock tom 0.97; clock spike 1.04; at 4.400645 pause tom; at 4.401691 set k2 10; "
            "at 4.552642 set k1 11; at 4.565722 resume tom; until 4.579652"
        ),
    ),
    (
        5,
        "Log Matching",
        (
            "raft-steps 1; step 5; servers tom jerry; seed 6; timing paper; at 1.062475 partition tom; "
            "at 1.325198 heal; at 1.358076 set x 74 to tom; at 1.359602 set x 79 to jerry; until 1.359603"
        ),
    ),
    (
        5,
        "Leader Completeness",
        (
            "raft-steps 1; step 5; servers jerry spike butch; seed 8; timing paper; delay 0.001 0.02; "
            "spread long; loss 0.03; duplicate 0.03; clock jerry 0.99; clock spike 1.04; clock butch 1.01; "
            "at 0.870263 set k3 1; at 1.406682 set k1 2; at 2.000901 set k3 4; at 2.365092 set k3 5; "
            "at 2.899741 set k1 6; until 2.940378"
        ),
    ),
    (
        5,
        "State Machine Safety",
        (
            "raft-steps 1; step 5; servers tom jerry tyke; seed 93; timing paper; spread long; "
            "at 2.200323 pause tom; at 2.201369 set k2 10; at 2.503271 set k1 11; at 2.504906 resume tom; "
            "until 2.506464"
        ),
    ),
    (
        5,
        "One Vote per Term",
        (
            "raft-steps 1; step 5; servers tom spike; seed 7; timing paper; delay 0.001 0.02; spread long; "
            "until 0.403177"
        ),
    ),
    (
        5,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 5; servers jerry; seed 1; timing paper; at 0.285338 crash jerry; "
            "at 0.286629 restart crashed; until 0.28663"
        ),
    ),
    (
        5,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 5; servers jerry spike butch; seed 8; timing paper; delay 0.001 0.02; "
            "spread long; loss 0.03; duplicate 0.03; clock jerry 0.99; clock spike 1.04; clock butch 1.01; "
            "at 0.870263 set k3 1; at 1.406682 set k1 2; at 2.000901 set k3 4; at 2.365092 set k3 5; "
            "at 2.899741 set k1 6; until 2.940378"
        ),
    ),
    (
        6,
        "Election Safety",
        (
            "raft-steps 1; step 6; servers tom jerry spike tyke; seed 1; timing paper; clock tom 0.97; "
            "clock jerry 1.05; clock spike 1.04; clock tyke 1.01; until 0.176941"
        ),
    ),
    (
        6,
        "Log Matching",
        (
            "raft-steps 1; step 6; servers tom jerry spike tyke; seed 2; timing paper; draws tom 0.15; "
            "draws jerry 0.15; draws spike 0.29; draws tyke 0.29; at 0.16625 set x 1 to tom; "
            "at 0.16725 set x 2 to jerry; until 0.167251"
        ),
    ),
    (
        6,
        "Leader Completeness",
        (
            "raft-steps 1; step 6; servers tom spike tyke; seed 6; timing paper; at 0.110016 partition tyke; "
            "at 0.231892 set k1 9; at 0.394563 set k3 10; at 0.684097 set k1 11; at 1.002475 heal; until 1.01115"
        ),
    ),
    (
        6,
        "State Machine Safety",
        (
            "raft-steps 1; step 6; servers tom jerry spike; seed 3; timing paper; delay 0.001 0.02; "
            "reorder 0.05; at 0.397 set k3 8; at 0.457926 partition leader; at 0.837413 set k3 9; "
            "at 1.05611 heal; at 1.096545 set k1 10; until 1.107994"
        ),
    ),
    (
        6,
        "One Vote per Term",
        (
            "raft-steps 1; step 6; servers tom spike; seed 7; timing paper; delay 0.001 0.02; spread long; "
            "until 0.403177"
        ),
    ),
    (
        6,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 6; servers jerry; seed 1; timing paper; at 0.285338 crash jerry; "
            "at 0.286629 restart crashed; until 0.28663"
        ),
    ),
    (
        6,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 6; servers tom spike; seed 0; timing paper; delay 0.001 0.02; spread long; "
            "reorder 0.05; clock tom 0.97; clock spike 1.01; at 0.760538 set k2 4; at 0.800115 set k1 5; "
            "at 1.06554 set k2 6; at 1.421239 set k2 7; at 1.868494 set k3 8; at 1.92942 partition leader; "
            "at 2.133641 heal; until 2.157299"
        ),
    ),
    (
        7,
        "Election Safety",
        (
            "raft-steps 1; step 7; servers tom jerry spike tyke; seed 1; timing paper; clock tom 0.97; "
            "clock jerry 1.05; clock spike 1.04; clock tyke 1.01; until 0.176941"
        ),
    ),
    (
        7,
        "Log Matching",
        (
            "raft-steps 1; step 7; servers tom jerry spike tyke; seed 2; timing paper; draws tom 0.15; "
            "draws jerry 0.15; draws spike 0.29; draws tyke 0.29; at 0.16625 set x 1 to tom; "
            "at 0.16725 set x 2 to jerry; until 0.167251"
        ),
    ),
    (
        7,
        "Leader Completeness",
        (
            "raft-steps 1; step 7; servers tom spike tyke; seed 6; timing paper; at 0.110016 partition tyke; "
            "at 0.231892 set k1 9; at 0.394563 set k3 10; at 0.684097 set k1 11; at 1.002475 heal; until 1.01115"
        ),
    ),
    (
        7,
        "State Machine Safety",
        (
            "raft-steps 1; step 7; servers tom spike; seed 6; timing paper; at 1.661159 set k2 7; "
            "at 1.884787 set k3 8; at 1.945713 partition leader; at 2.3252 set k3 9; at 2.762594 heal; "
            "at 2.924334 set k1 10; until 2.931625"
        ),
    ),
    (
        7,
        "One Vote per Term",
        (
            "raft-steps 1; step 7; servers tom spike; seed 7; timing paper; delay 0.001 0.02; spread long; "
            "until 0.403177"
        ),
    ),
    (
        7,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 7; servers jerry; seed 1; timing paper; at 0.285338 crash jerry; "
            "at 0.286629 restart crashed; until 0.28663"
        ),
    ),
    (
        7,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 7; servers tom spike tyke; seed 6; timing paper; at 0.110016 partition tyke; "
            "at 0.231892 set k1 9; at 0.394563 set k3 10; at 0.684097 set k1 11; at 1.002475 heal; until 1.01115"
        ),
    ),
    (
        8,
        "Election Safety",
        (
            "raft-steps 1; step 8; servers tom jerry spike tyke; seed 11; timing paper; delay 0.001 0.02; "
            "spread long; until 0.216002"
        ),
    ),
    (
        8,
        "Log Matching",
        (
            "raft-steps 1; step 8; servers tom jerry spike tyke; seed 472; timing paper; "
            "at 0.254518 partition leader; at 0.573617 partition jerry tom; at 0.691712 set x 23; "
            "at 0.74417 set x 25 to tyke; until 0.744171"
        ),
    ),
    (
        8,
        "Leader Completeness",
        (
            "raft-steps 1; step 8; servers tom jerry tyke; seed 0; timing paper; at 0.111483 partition tyke; "
            "at 0.527214 set k3 9; at 0.563585 heal; until 0.681622"
        ),
    ),
    (
        8,
        "State Machine Safety",
        (
            "raft-steps 1; step 8; servers tom jerry tyke; seed 0; timing paper; at 0.001003 partition tyke; "
            "at 0.61228 set k3 9; at 0.613417 heal; at 0.693977 set k1 10; until 0.694482"
        ),
    ),
    (
        8,
        "One Vote per Term",
        ("raft-steps 1; step 8; servers tom tyke; seed 0; timing paper; delay 0.001 0.02; spread long; until 0.38004"),
    ),
    (
        8,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 8; servers jerry; seed 1; timing paper; at 0.285338 crash jerry; "
            "at 0.286629 restart crashed; until 0.28663"
        ),
    ),
    (
        8,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 8; servers tom jerry tyke; seed 0; timing paper; at 0.111483 partition tyke; "
            "at 0.527214 set k3 9; at 0.563585 heal; until 0.681622"
        ),
    ),
    (
        9,
        "Election Safety",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.169 restart crashed; until 0.183153"
        ),
    ),
    (
        9,
        "Log Matching",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.167918 restart crashed; at 0.169506 set x 7 to tom; at 0.188524 set x 8 to jerry; "
            "until 0.188525"
        ),
    ),
    (
        9,
        "Leader Completeness",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; at 0.184856 partition spike; "
            "at 0.285969 set x 7; at 0.356235 partition leader; until 0.371023"
        ),
    ),
    (
        9,
        "State Machine Safety",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.167918 restart crashed; at 0.169506 set x 7 to tom; at 0.188524 set x 8 to jerry; "
            "until 0.195853"
        ),
    ),
    (
        9,
        "One Vote per Term",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.169 restart crashed; until 0.175246"
        ),
    ),
    (
        9,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 9; servers tom spike; seed 0; timing paper; draws tom 0.15; draws spike 0.3; "
            "at 0.166835 crash spike; at 0.167918 restart crashed; until 0.167919"
        ),
    ),
    (
        9,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 9; servers tom jerry spike; seed 0; timing paper; at 0.184856 partition spike; "
            "at 0.285969 set x 7; at 0.356235 partition leader; until 0.371023"
        ),
    ),
    (
        10,
        "Election Safety",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.169 restart crashed; until 0.183153"
        ),
    ),
    (
        10,
        "Log Matching",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.167918 restart crashed; at 0.171093 set x 7 to tom; at 0.190111 set x 8 to jerry; "
            "until 0.190112"
        ),
    ),
    (
        10,
        "Leader Completeness",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 83; timing paper; at 0.726189 set x 1; "
            "at 0.836837 set x 2; at 1.19975 set x 3; at 1.24986 cut jerry>spike; at 1.369208 set x 4; "
            "at 1.530822 cut spike>jerry; at 1.588969 set x 5; at 1.69744 partition leader; at 2.027271 set x 7; "
            "at 2.103276 heal; at 2.398308 set x 9; at 2.40765 partition leader; at 2.829173 set x 10; "
            "at 3.012453 partition leader; until 3.223561"
        ),
    ),
    (
        10,
        "State Machine Safety",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.167918 restart crashed; at 0.171093 set x 7 to tom; at 0.190111 set x 8 to jerry; "
            "until 0.195853"
        ),
    ),
    (
        10,
        "One Vote per Term",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.166835 crash spike; "
            "at 0.169 restart crashed; until 0.175246"
        ),
    ),
    (
        10,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 10; servers tom spike; seed 0; timing paper; draws tom 0.15; draws spike 0.3; "
            "at 0.166835 crash spike; at 0.167918 restart crashed; until 0.167919"
        ),
    ),
    (
        10,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 10; servers tom jerry spike; seed 2; timing paper; at 0.351555 partition leader; "
            "at 0.711593 set x 51; at 0.723138 crash leader; at 0.87538 set x 59; at 0.963951 partition spike; "
            "at 1.033582 partition leader; at 1.120244 restart crashed; until 1.182144"
        ),
    ),
    (
        11,
        "Election Safety",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 5; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.163205 crash spike; "
            "at 0.169 restart crashed; until 0.177541"
        ),
    ),
    (
        11,
        "Log Matching",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 2; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.163205 crash spike; "
            "at 0.166103 restart crashed; at 0.179119 set x 9 to tom; at 0.180762 set x 10 to jerry; "
            "until 0.180763"
        ),
    ),
    (
        11,
        "Leader Completeness",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 0; timing paper; draws tom 0.15; "
            "draws jerry 0.29; draws spike 0.29; at 0.35 partition tom; at 0.605 crash spike; "
            "at 0.616 partition jerry; at 0.617 restart spike; at 0.619 set y 1 to tom; until 0.629421"
        ),
    ),
    (
        11,
        "State Machine Safety",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 5; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.163205 crash spike; "
            "at 0.169 restart crashed; at 0.17182 set x 6 to tom; at 0.179178 set x 13 to jerry; until 0.186808"
        ),
    ),
    (
        11,
        "One Vote per Term",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 5; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.163205 crash spike; "
            "at 0.169 restart crashed; until 0.173924"
        ),
    ),
    (
        11,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; step 11; servers tom spike; seed 0; timing paper; draws tom 0.15; draws spike 0.3; "
            "at 0.166835 crash spike; at 0.167918 restart crashed; until 0.167919"
        ),
    ),
    (
        11,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; step 11; servers tom jerry spike; seed 136; timing paper; draws tom 0.15; "
            "draws jerry 0.172; draws spike 0.3; at 0.1 cut tom>jerry; at 0.1 cut jerry>tom; "
            "at 0.162432 crash spike; at 0.169 restart crashed; at 0.170328 set x 5 to tom; "
            "at 0.19546 set x 9 to jerry; at 0.196766 crash tom; at 0.198675 restart crashed; until 0.409447"
        ),
    ),
)
