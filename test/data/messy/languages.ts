/** Files in other languages and of older systems. Expected rows were written first. */
import { cp1252, type MessyFile } from "./texts.ts";

/** Mac OS Roman, as far as the texts below need it. */
function macRoman(text: string): Buffer {
  const bytes: Record<string, number> = {
    é: 0x8e,
    è: 0x8f,
    ê: 0x90,
    à: 0x88,
    â: 0x89,
    ç: 0x8d,
    ù: 0x9d,
    û: 0x9e,
    ô: 0x99,
    î: 0x94,
    É: 0x83,
    À: 0xcb,
    œ: 0xcf,
    "’": 0xd5,
    "«": 0xc7,
    "»": 0xc8,
    "…": 0xc9,
    "€": 0xdb,
    "\u00a0": 0xca,
  };
  return Buffer.from([...text].map((character) => bytes[character] ?? character.charCodeAt(0)));
}

/** Code page 850 of DOS, as far as the texts below need it. */
function cp850(text: string): Buffer {
  const bytes: Record<string, number> = {
    é: 0x82,
    è: 0x8a,
    ê: 0x88,
    à: 0x85,
    ç: 0x87,
    ù: 0x97,
    ô: 0x93,
    î: 0x8c,
    É: 0x90,
    "«": 0xae,
    "»": 0xaf,
  };
  return Buffer.from([...text].map((character) => bytes[character] ?? character.charCodeAt(0)));
}

export const languages: readonly MessyFile[] = [
  {
    name: "German: answer before question, decimal commas, Windows-1252",
    bytes: cp1252(
      "Nr;Preis;Antwort;Frage\r\n1;1.249,00 €;Ja, ab 50 € ist der Versand frei.;Gibt es kostenlosen Versand\r\n2;19,90 €;Drei bis fünf Werktage.;Wie lange dauert die Lieferung nach Österreich\r\n3;0,50 €;Größe 38 bis 46.;Welche Größen führen Sie\r\n",
    ),
    rows: [
      ["Gibt es kostenlosen Versand", "Ja, ab 50 € ist der Versand frei."],
      ["Wie lange dauert die Lieferung nach Österreich", "Drei bis fünf Werktage."],
      ["Welche Größen führen Sie", "Größe 38 bis 46."],
    ],
  },
  {
    name: "Spanish: answer before question, inverted marks",
    bytes:
      'respuesta,pregunta,categoría\n"Sí, aceptamos PayPal.","Quiero pagar con PayPal, ¿es posible?",pago\n"De lunes a viernes, de 9 a 18 h.",¿Cuál es el horario?,tienda\nCuesta 4 €.,Dígame el precio del envío,envío\n',
    rows: [
      ["Quiero pagar con PayPal, ¿es posible?", "Sí, aceptamos PayPal."],
      ["¿Cuál es el horario?", "De lunes a viernes, de 9 a 18 h."],
      ["Dígame el precio del envío", "Cuesta 4 €."],
    ],
  },
  {
    name: "Italian: unquoted commas, answer first",
    bytes:
      "Risposta;Domanda;Data\nNo, la consegna è gratuita.;Quanto costa la consegna?;02/05/2024\nSì; anche la domenica.;Siete aperti nel fine settimana;03/05/2024\nEntro 30 giorni.;Vorrei sapere entro quando posso restituire un articolo;04/05/2024\n",
    rows: [
      ["Quanto costa la consegna?", "No, la consegna è gratuita."],
      ["Siete aperti nel fine settimana", "Sì; anche la domenica."],
      ["Vorrei sapere entro quando posso restituire un articolo", "Entro 30 giorni."],
    ],
  },
  {
    name: "Portuguese: headings in capitals, an id and the answer first",
    bytes:
      "ID\tRESPOSTA\tPERGUNTA\n10\tSim, em até 12 vezes.\tPosso parcelar a compra\n11\tNão, a loja é só on-line.\tVocês têm loja física\n12\tO prazo é de 7 dias úteis.\tDiga-me o prazo de entrega\n",
    rows: [
      ["Posso parcelar a compra", "Sim, em até 12 vezes."],
      ["Vocês têm loja física", "Não, a loja é só on-line."],
      ["Diga-me o prazo de entrega", "O prazo é de 7 dias úteis."],
    ],
  },
  {
    name: "Dutch: a preamble, then the answer before the question",
    bytes:
      'Export klantenservice\n02-05-2024\n\nAntwoord,Vraag\n"Ja, binnen 30 dagen.",Kan ik mijn bestelling ruilen\n"Met iDEAL, creditcard of PayPal.",Hoe kan ik betalen\nMorgen.,Ik wil graag weten wanneer mijn pakket komt\n',
    rows: [
      ["Kan ik mijn bestelling ruilen", "Ja, binnen 30 dagen."],
      ["Hoe kan ik betalen", "Met iDEAL, creditcard of PayPal."],
      ["Ik wil graag weten wanneer mijn pakket komt", "Morgen."],
    ],
  },
  {
    name: "Spanish dialogue: Cliente and Agente",
    bytes:
      "Cliente: Hola, ¿tienen talla 40?\nAgente: Sí, quedan dos.\nCliente: Perfecto, ¿y envían a Canarias?\nAgente: Claro: en una semana.\nEl envío cuesta 9 €.\n",
    rows: [
      ["Hola, ¿tienen talla 40?", "Sí, quedan dos."],
      ["Perfecto, ¿y envían a Canarias?", "Claro: en una semana.\nEl envío cuesta 9 €."],
    ],
  },
  {
    name: "German FAQ as text: Frage and Antwort",
    bytes:
      "Häufige Fragen\n\nFrage: Wo finde ich meine Rechnung?\nAntwort: Im Kundenkonto, unter „Bestellungen“.\n\nFrage: Kann ich auf Rechnung zahlen?\nAntwort: Ja, bis 200 €.\n\nFrage 3: Gibt es einen Katalog?\nAntwort 3: Nein.\n",
    rows: [
      ["Wo finde ich meine Rechnung?", "Im Kundenkonto, unter „Bestellungen“."],
      ["Kann ich auf Rechnung zahlen?", "Ja, bis 200 €."],
      ["Gibt es einen Katalog?", "Nein."],
    ],
  },
  {
    name: "Chinese: headings and question marks of full width",
    bytes:
      "编号,答案,问题\n1,三天之内送达。,多久能送到？\n2,可以，七天之内。,可以退货吗？\n3,支持微信和支付宝。,怎么付款？\n",
    rows: [
      ["多久能送到？", "三天之内送达。"],
      ["可以退货吗？", "可以，七天之内。"],
      ["怎么付款？", "支持微信和支付宝。"],
    ],
  },
  {
    name: "Mac OS Roman with CR, French",
    bytes: macRoman(
      "Question;Réponse\rOù est né l’atelier ?;À Besançon, en 1987.\rC’est réparé ici ?;Oui, « à la main », près de l’entrée…\rQuel délai ?;Dès le 3 août, pas avant.\r",
    ),
    rows: [
      ["Où est né l’atelier ?", "À Besançon, en 1987."],
      ["C’est réparé ici ?", "Oui, « à la main », près de l’entrée…"],
      ["Quel délai ?", "Dès le 3 août, pas avant."],
    ],
  },
  {
    name: "DOS code page 850, French",
    bytes: cp850(
      "CODE;QUESTION;REPONSE\r\n001;Où régler ma facture ?;À l'accueil, ou par chèque.\r\n".replace(
        "À",
        "A",
      ) +
        "002;Délai de règlement ?;Trente jours, même l'été.\r\n003;Reçu égaré ?;Écrivez-nous : « reçu perdu ».\r\n",
    ),
    rows: [
      ["Où régler ma facture ?", "A l'accueil, ou par chèque."],
      ["Délai de règlement ?", "Trente jours, même l'été."],
      ["Reçu égaré ?", "Écrivez-nous : « reçu perdu »."],
    ],
  },
  {
    name: "Chinese and Arabic without a heading, answers first",
    bytes:
      "三天之内送达。,多久能送到？\n可以，七天之内。,可以退货吗？\nنعم، في أسبوع.,هل توصلون إلى المغرب؟\n支持微信。,怎么付款？\n",
    rows: [
      ["多久能送到？", "三天之内送达。"],
      ["可以退货吗？", "可以，七天之内。"],
      ["هل توصلون إلى المغرب؟", "نعم، في أسبوع."],
      ["怎么付款？", "支持微信。"],
    ],
  },
];
