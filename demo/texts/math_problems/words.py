"""Who and what the word problems are about."""

from __future__ import annotations

import random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WOMEN = _words(
    "Anna Maria Lucy Emma Olivia Sophia Mia Ella Grace Chloe Lily Nora Hannah Zoe Ruby Alice Clara "
    "Julia Laura Sara Amy Jane Kate Rosa Tina Wendy Fatima Aisha Mei Priya"
)
MEN = _words(
    "Tom Ben Jack Leo Max Sam Noah Liam Lucas Henry Oscar David Peter Paul Mark Adam Eric Felix "
    "Hugo Ivan James Kevin Martin Nick Omar Raj Simon Victor Walter Yusuf"
)

# plural and singular of things that a person can hold, find, give away, pack and sell
THINGS = (
    "apples apple,oranges orange,pears pear,lemons lemon,peaches peach,plums plum,eggs egg,"
    "cookies cookie,cupcakes cupcake,muffins muffin,sandwiches sandwich,candies candy,"
    "pencils pencil,pens pen,notebooks notebook,books book,stickers sticker,stamps stamp,"
    "marbles marble,cards card,coins coin,shells shell,stones stone,beads bead,buttons button,"
    "balloons balloon,flowers flower,roses rose,tulips tulip,candles candle,toys toy,"
    "balls ball,dolls doll,kites kite,bottles bottle,cups cup,plates plate,tickets ticket,"
    "photos photo,badges badge,ribbons ribbon,bracelets bracelet,chocolates chocolate,"
    "potatoes potato,tomatoes tomato,carrots carrot,onions onion,bananas banana"
)
HOLDERS = "boxes box,bags bag,baskets basket,packs pack,trays tray,jars jar,crates crate"
SORTS = ("big", "small", "old", "heavy", "light", "plain", "pretty", "cheap", "dirty", "fine")
PLACES = (
    "in the park",
    "at school",
    "at home",
    "in the garden",
    "at the market",
    "in the kitchen",
    "at the shop",
    "at a friend's house",
    "in the garage",
    "on the way home",
)
GOODS = (
    "books book,shirts shirt,hats hat,scarves scarf,toys toy,games game,puzzles puzzle,"
    "pizzas pizza,sandwiches sandwich,cakes cake,notebooks notebook,plants plant,mugs mug,"
    "lamps lamp,umbrellas umbrella,tickets ticket,posters poster,brushes brush,ropes rope"
)
JOBS = (
    "washing cars",
    "walking dogs",
    "babysitting",
    "painting fences",
    "delivering newspapers",
    "working in a cafe",
    "mowing lawns",
    "teaching piano",
    "helping in a shop",
    "cleaning windows",
)
VEHICLES = _words("car bus train truck motorbike van boat bicycle")
CROWDS = (
    "bus,passengers,get off,get on",
    "train,passengers,get off,get on",
    "ferry,passengers,leave,come aboard",
    "cinema,visitors,leave,come in",
    "museum,visitors,leave,come in",
    "library,readers,leave,come in",
    "hall,guests,leave,arrive",
    "zoo,visitors,leave,arrive",
    "swimming pool,swimmers,leave,arrive",
    "stadium,fans,leave,arrive",
)
TANKS = _words("tank barrel pool pond bathtub cistern")
PLOTS = _words("garden field playground yard room carpet park")
BOOKS = ("novel", "history book", "comic", "mystery", "science book", "travel guide", "cookbook")


def _pairs(table: str) -> list[tuple[str, str]]:
    return [(entry.split()[0], entry.split()[1]) for entry in table.split(",")]


_THINGS, _HOLDERS, _GOODS = _pairs(THINGS), _pairs(HOLDERS), _pairs(GOODS)


def cast(numbers: random.Random) -> dict[str, str]:
    """Choose two people, their things and places: the words that a story's sentences may use."""
    is_woman = numbers.random() < 0.5
    name, friend = numbers.choice(WOMEN if is_woman else MEN), numbers.choice(WOMEN + MEN)
    while friend == name:
        friend = numbers.choice(WOMEN + MEN)
    things, thing = numbers.choice(_THINGS)
    holders, holder = numbers.choice(_HOLDERS)
    goods, good = numbers.choice(_GOODS)
    sort, other_sort = numbers.sample(SORTS, 2)
    crowd, members, leave, come = numbers.choice(CROWDS).split(",")
    return {
        "name": name,
        "friend": friend,
        "pron": "she" if is_woman else "he",
        "Pron": "She" if is_woman else "He",
        "her": "her" if is_woman else "his",
        "things": things,
        "thing": thing,
        "holders": holders,
        "holder": holder,
        "goods": goods,
        "good": good,
        "sort": sort,
        "other_sort": other_sort,
        "place": numbers.choice(PLACES),
        "job": numbers.choice(JOBS),
        "vehicle": numbers.choice(VEHICLES),
        "crowd": crowd,
        "members": members,
        "leave": leave,
        "come": come,
        "tank": numbers.choice(TANKS),
        "plot": numbers.choice(PLOTS),
        "book": numbers.choice(BOOKS),
    }
