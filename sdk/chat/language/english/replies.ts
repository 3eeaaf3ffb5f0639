/** How English answers speak. Every word is written folded. */
import { list, phrases } from "../lists.ts";
import type { ReplyWords } from "../replyWords.ts";

export const englishReplies: ReplyWords = {
  yes: phrases("yes|of course|sure|certainly|absolutely|indeed"),
  no: phrases("no|unfortunately|not at all"),
  apologies: phrases("sorry|apologies|apologise|apologize|regret|understand|unfortunately"),
  cheers: phrases(
    "great|awesome|perfect|excellent|congratulations|wonderful|fantastic|brilliant|enjoy|glad|happy to hear|yay|amazing",
  ),
  rude: phrases(`not my problem|not our problem|deal with it|your fault|whatever|calm down|so what|lol|lmao|dude|bro|duh|
    who cares|we do not care|i do not care|stop asking|read the manual|obviously|as if|too bad|tough luck|you should have|nah|yo|get over it`),
  familiar: new Set(),
  emptyTalk:
    phrases(`how can i help you|how may i help you|how can i help|thank you for your message|thank you for contacting us|
    thanks for reaching out|great question|good question|we are here for you|we value your feedback|your satisfaction is our priority|
    have a nice day|do not hesitate|feel free to contact us|it depends|welcome|we appreciate`),
  welcome:
    phrases(`you are welcome|welcome|my pleasure|no problem|hello|hi|thanks|thank you|goodbye|bye|good day|nice day|help you|i am|
    we are|assistant|bot|glad|happy|great|sure|take care|how can|any time`),
  steps:
    phrases(`click|go to|open|press|hold|select|choose|enter|type|download|install|update|restart|unplug|plug|connect|check|
    run|call|write|send|contact|you can|you need|you have to|it is enough|under|in the|on the|with the|through|via|use|turn|set|
    menu|button|tab|page|settings|follow|log in|sign in|reset|remove|insert|wait|can you|could you|which|keep|copy|start|switch`),
  checksBack: phrases("are you sure|you sure|is that sure|really|are you certain|so it is|can you confirm"),
  free: phrases("free|none|no charge|included|nothing|unlimited|no limit|all|same"),
  conditions: phrases("from|above|below|otherwise|except|if|unless|after|before|but|for|over|under"),
  only: phrases("only|nowhere else|exclusively"),
  colours: new Set(list("red blue green yellow black white grey gray pink purple orange brown beige amber")),
  opposites: [
    [list("cancel cancelled delete remove"), list("confirmed created added activated")],
    [list("refused rejected declined"), list("accepted approved")],
    [list("disable off"), list("enabled on")],
  ],
  yesOpposites: [
    [list("available stock left"), list("unavailable discontinued")],
    [list("possible"), list("impossible")],
    [list("open"), list("closed")],
    [list("free"), list("paid chargeable")],
  ],
  forbids: phrases("forbidden|prohibited|impossible|not allowed|refused"),
  alternatives: [
    list("monday tuesday wednesday thursday friday saturday sunday"),
    list("phone mail email chat"),
    list("windows mac macos linux"),
    list("red blue green yellow black white amber"),
  ],
  genericGoods: new Set(phrases("device|product|item|article|part|parts|hardware|box|gift|accessory")),
  street: /\b\d+ \p{L}+ (?:street|road|avenue|lane|square)\b/giu,
  defines: /^(?:the |an? )?\p{L}[\p{L}-]*(?: \p{L}[\p{L}-]*)? (?:is|are) an? (?!good |great |very |real )/iu,
  definition: /what(?:'s| is| are)|which|meaning|who/iu,
  title: /\b(?:Mr|Mrs|Ms|Miss|Dr)\.?\s+(\p{Lu}[\p{L}-]+)/gu,
  presents: /gift/,
  praise: /(?:a good|a great) question[.!\s]*$/i,
  costsNothing: /^free$/,
  conditionWords: new Set(list("if unless until while")),
  denialBegins: /^(?:but not|except)\b/,
  limits: /(?<!\p{L})(?:only|except|unless)(?!\p{L})/u,
  paid: { asked: /pay|refund|charge/, answered: /paid|pay|refund|charge/ },
  inStock: /stock|left|available|minimum|maximum|up to/i,
  calls: /call|ring|phone|dial|reach/,
  streetEnd: / in /,
  gives: {
    measure: /size/i,
    time: /(?<!\p{L})(?:always|never|after|before|as soon)(?!\p{L})/iu,
    money: /\bper cent\b|\bdepend/i,
    phone: /form\b|chat/i,
    mail: /form\b|\bmail|contact/i,
    address: /\b(?:avenue|place|street|road|zone)\b/i,
    place: /"|“|(?<!\p{L})(?:at|in|on|near|behind|under|from|here|there|to|with|via)(?!\p{L})/iu,
  },
  asks: {
    money: phrases(
      "how much does it cost|how much is|how much does|what does it cost|price of|what price|the price|cost of",
    ),
    time: phrases("when|how long|what time|opening hours|which day|until when|how many days|how soon"),
    colour: phrases("which colour|what colour|which color|what color"),
    phone: phrases("phone number|telephone number|your number"),
    mail: phrases("mail address|email address|your email"),
    measure: phrases("how heavy|how big|how tall|how many|what size|what capacity|how far"),
    address: phrases("your address|postal address"),
  },
};
