/**
 * Spanish, small: enough to show that a language needs no code outside of its own file. It is a test's, and makes no
 * claim of quality. Every word is folded.
 */
import { defineLanguage } from "../../../sdk/chat/language/defineLanguage.ts";
import { list, phrases, plainPlural, table } from "../../../sdk/chat/language/lists.ts";

/** "libros" and "libro", "reservar" and "reservo". */
function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  return word.replace(
    /(?:aciones|acion|ados?|adas?|idos?|idas?|ando|iendo|ar|er|ir|es|en|an|[aeo]s|[aeo])$/,
    "",
  );
}

export const spanish = defineLanguage({
  code: "es",
  no: "no",
  stem,
  singular: (word) => (word.length > 4 ? word.replace(/(?<=[aeo])s$/, "") : word),
  plural: plainPlural,
  abbreviations: table("xq porque|tb tambien|grax gracias|qdo cuando|q que"),
  letterWords: new Set(list("a y o")),
  stopWords: new Set(
    list(`el la los las un una unos unas de del al a en con por para sin y o que es son esta estan mi mis su sus
      me se le lo nos os yo ella ellos esto eso como cuando donde cuanto cual muy mas ya si no hay tengo puedo quiero`),
  ),
  negations: new Set(list("no nunca nada tampoco sin")),
  positive: phrases("contento|contenta|gracias|perfecto|excelente|genial"),
  negative: phrases("enfadado|enfadada|decepcionado|problema|inaceptable|roto|perdido"),
  fillers: phrases("hola|buenos dias|claro que si|buena pregunta"),
  refusals: phrases("no lo se|lo siento|puede precisar"),
  questions: new Map([
    ["cuanto", "quantity"],
    ["cuando", "time"],
    ["donde", "place"],
    ["como", "manner"],
    ["que", "thing"],
  ]),
  continuations: phrases("y para|y si|y en|y el|y la|y los|entonces"),
  pronouns: new Set(list("lo la los las eso esto")),
  months: new Map(
    list("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre").map(
      (m, i) => [m, i],
    ),
  ),
  weekdays: new Map(list("domingo lunes martes miercoles jueves viernes sabado").map((d, i) => [d, i])),
  relativeDays: new Map([
    ["hoy", 0],
    ["ayer", -1],
    ["pasado manana", 2],
    ["manana", 1],
  ]),
  periods: new Map(
    Object.entries({ dia: 1, dias: 1, semana: 7, semanas: 7, mes: 30, meses: 30, hora: 0, horas: 0 }),
  ),
  one: new Set(list("un una")),
  agoWords: ["hace"],
  inWords: ["en", "dentro de"],
  numbers: new Map(
    list("cero uno dos tres cuatro cinco seis siete ocho nueve diez").map((word, i) => [word, i]),
  ),
  currencies: new Map(Object.entries({ "€": "EUR", euros: "EUR", euro: "EUR" })),
  units: new Map([["eur", "€"]]),
  orderLead: /(?:pedido|numero|carne|socio|reserva)\s*(?:(?:n°|no|numero|de|el|mi|es)\s*){0,3}[\s:#°.,(]*$/,
  determiners: new Set(list("el la los las un una mi su este esta")),
  denials: (phrase) => (phrase.startsWith("no ") ? [phrase, phrase.replace(/^no /, "ya no ")] : [phrase]),
  places: phrases("Madrid|Sevilla|España|Francia"),
  countries: new Set(["España", "Francia"]),
  where: /(?<![\p{L}\d])(en|a|de)\s+(\p{Lu}\p{L}+)/gu,
  replies: {
    yes: phrases("si|claro|por supuesto"),
    no: phrases("no|lamentablemente"),
    apologies: phrases("lo siento|disculpe|lamentamos"),
    emptyTalk: phrases("en que puedo ayudarle|gracias por su mensaje"),
    welcome: phrases("de nada|hola|adios|hasta luego"),
    steps: phrases("haga clic|pida|presente|puede|llame"),
    free: phrases("gratis|gratuito|gratuita"),
    gives: { place: /(?<!\p{L})(?:en|junto|calle|plaza)(?!\p{L})/iu },
  },
  rude: {
    insults: list("gilipollas cabron"),
    throwers: phrases("sois unos|eres un"),
    thrown: list("inutil inutiles"),
  },
  texts: {
    chat: {
      noReasoning: "Esta conversación no tiene razonamiento.",
      adapterWord: "adaptador",
      adapterHelp: "  adapter NOMBRE  responde con este adaptador",
      adapterNow: (name) => `Adaptador: ${name}.`,
      adapterList: (names) => `Adaptadores: ${names}.`,
      adapterUnknown: (name, names) => `No hay adaptador ${name}; hay ${names}.`,
    },
    trace: {
      ...{ kept: "guardados", dropped: "omitidos", new_topic: "otro tema", window: "ventana llena" },
      ...{ fallback: "respuesta de reserva", model: "opinión del modelo" },
    },
    checks: {
      empty: "La respuesta está vacía.",
      wrongLanguage: "La respuesta no está en español.",
      wrongTone: (words) => `El tono no conviene: «${words}».`,
      padding: "La respuesta empieza con una fórmula vacía.",
      repeats: "La respuesta se repite.",
      offTopic: (question, answer) => `La respuesta habla de ${answer}, la pregunta de ${question}.`,
      foreign: (question) => `La respuesta no habla de ${question}.`,
      saysNothing: "La respuesta no dice nada de lo que se pregunta.",
      noAnswer: (asked) => `La pregunta pide ${asked}, la respuesta no lo da.`,
      otherFact: (expected) => `La respuesta no dice lo que se pregunta: «${expected}»`,
      number: (given, expected) => `La respuesta dice ${given} en vez de ${expected}.`,
      notInFact: (given, fact) => `La respuesta dice ${given}, pero: «${fact}»`,
      earlier: (now, before) => `La respuesta dice ${now}, otra anterior decía ${before}.`,
      itself: "La respuesta se contradice.",
      opposite: (asked, given) => `La pregunta dice «${asked}», la respuesta «${given}».`,
      name: (given, expected) => `La respuesta habla de ${given} en vez de ${expected}.`,
      invents: (given) => `La respuesta inventa «${given}».`,
    },
    asked: {
      ...{
        quantity: "un número",
        time: "un momento",
        manner: "los pasos",
        place: "un lugar",
        money: "un precio",
      },
      ...{
        colour: "un color",
        phone: "un número",
        mail: "un correo",
        measure: "una medida",
        address: "una dirección",
      },
    },
    beginning: {
      systemPrompt: (name) => `Eres el asistente de ${name}. Respondes en español.`,
      welcome: (name) => `Bienvenido a ${name}.`,
      fallback: "Prefiero no adivinar. ¿Puede precisar?",
      fact: "Abrimos de lunes a viernes de 9 a 17.",
      first: {
        ...{ id: "HORARIOS", description: "horarios: cuándo venir", keywords: ["horario"] },
        ...{ examples: ["¿Cuándo abren?"], answers: ["Abrimos de lunes a viernes."] },
      },
      second: {
        ...{ id: "RESERVA", description: "reservar o anular", keywords: ["reservar"] },
        ...{ examples: ["Quiero reservar"], answers: ["Su reserva está hecha."] },
      },
    },
    wording: {
      classify: "¿De qué categoría es esta pregunta? «{query}»",
      tones: {
        ...{ neutral: "Tono: cortés.", warm: "Tono: cálido.", apologetic: "Tono: comprensivo." },
        ...{ calm: "Tono: tranquilo.", enthusiastic: "Tono: alegre." },
      },
      formats: {
        ...{ short: "Forma: una frase corta.", sentence: "Forma: una o dos frases." },
        ...{ steps: "Forma: los pasos en orden.", list: "Forma: una lista corta." },
      },
      focus: "La pregunta trata de: {category}.",
      clarify: "La pregunta es ambigua: pedir una precisión.",
      begin: "Empezar por: {text}",
      known: "El cliente nombra: {entities}.",
      followUp: "La pregunta se refiere a lo dicho antes.",
      facts: "Hechos seguros: {facts}",
      retry: "La respuesta anterior era falsa: {issue} Responder de otro modo.",
    },
    traceNames: {
      names: { new_topic: "tema nuevo", products: "productos", time: "un momento" },
      beginnings: [[/^asks for /, "pide "]],
    },
    quote: (text) => `«${text}»`,
  },
});
