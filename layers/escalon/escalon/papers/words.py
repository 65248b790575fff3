"""The standing words of papers, a phrase each in every language; names in braces are filled in.

They are read by people who owe money, and by courts: exact, courteous, no threat, no word of law
that is not meant (Ley 2300 of 2023; Ley 19.496 of Chile, art. 37; CONDUSEF, DOF 2014-10-07).
"""

from collections.abc import Mapping

_ES = {
    # what every paper has
    "page": "Página {page} de {pages}",
    "of": "{label}: {text}",
    "document": "Documento",
    "issued": "Fecha",
    "due": "Vencimiento",
    "no_due": "sin fecha",
    "total": "Total",
    "principal": "Capital",
    "interest": "Intereses de mora",
    "fee": "Gastos",
    "tax": "Impuesto",
    "how_to_pay": "Cómo pagar",
    "pay_online": "En línea: {url}",
    "questions": "¿Preguntas o inquietudes?",
    "questions_text": "Con gusto le atendemos: {ways}.",
    "help_page": "Ayuda: {url}",
    "complaints": "Quejas y reclamos",
    # an agreement
    "title_promise": "Promesa de pago",
    "title_plan": "Acuerdo de pago en cuotas",
    "title_extension": "Acuerdo de nuevo plazo",
    "title_settlement": "Acuerdo de pago con descuento",
    "agreement_no": "Acuerdo {id}",
    "parties": "Las partes",
    "creditor": "Acreedor",
    "collector": "Gestiona en su nombre",
    "debtor": "Deudor",
    "identified": "{name}, identificado con {id}",
    "debt": "La deuda",
    "debt_text": (
        "Valores en {currency}, calculados al {day} según los registros del acreedor. Si no está "
        "de acuerdo con alguno, puede reclamar en cualquier momento."
    ),
    "agreed": "Lo que se acuerda",
    "agreed_promise": "El deudor se compromete a pagar {total} a más tardar el {first}.",
    "agreed_once": "El deudor paga {total} a más tardar el {first}.",
    "agreed_several": (
        "El deudor paga {total} en {count} cuotas, la primera a más tardar el {first} y la última"
        " a más tardar el {last}."
    ),
    "sum_debt": "Deuda al {day}",
    "sum_discount": "Descuento de {component}",
    "sum_interest": "Intereses del acuerdo",
    "sum_rest": "Parte de la deuda que no cubre esta promesa",
    "sum_total": "Total por pagar",
    "rate": (
        "El saldo causa intereses a una tasa efectiva anual de {rate}, incluidos en las cuotas. "
        "Quien paga antes no paga los intereses de los períodos que no han empezado."
    ),
    "no_interest": "Este acuerdo no causa intereses ni tiene costo para el deudor.",
    "resting": (
        "Mientras el acuerdo se cumple, no se hacen gestiones de cobro sobre esta deuda ni se "
        "causan sobre ella intereses de mora."
    ),
    "instalments": "Cuotas",
    "number": "N.º",
    "pay_by": "Pagar hasta",
    "instalment_principal": "Deuda",
    "instalment_interest": "Intereses",
    "amount": "Valor",
    "left": "Queda por pagar",
    "pay_directly": (
        "Los pagos se hacen directamente a {creditor}, indicando la referencia {reference}. "
        "Ninguna persona está autorizada para recibirlos en su propia cuenta."
    ),
    "kept": "Cuando se cumpla",
    "kept_in_full": (
        "Pagado lo acordado, la deuda descrita queda pagada en su totalidad y el deudor está a "
        "paz y salvo por ella. Puede pedir la constancia sin costo."
    ),
    "kept_in_full_MX": (
        "Pagado lo acordado, la deuda descrita queda liquidada en su totalidad (finiquito) y el "
        "deudor puede pedir sin costo la carta de finiquito."
    ),
    "kept_discount": "El descuento de {discount} se aplica en ese momento.",
    "kept_in_part": (
        "Este acuerdo es un pago parcial: cumplido, quedan pendientes {rest} de la deuda "
        "calculada al {day}."
    ),
    "broken": "Si no se cumple",
    "tolerance": (
        "Un pago se tiene por hecho a tiempo si llega dentro de los {days} siguientes a su "
        "fecha{and_amount}."
    ),
    "tolerance_none": "Un pago se tiene por hecho a tiempo si llega en su fecha{and_amount}.",
    "tolerance_amount": ", y si le faltan como máximo {amount}",
    "days": "{count} días",
    "day_one": "un día",
    "broken_text": (
        "Si un pago no llega a tiempo, el acuerdo termina al día siguiente. Lo pagado se conserva"
        " y se descuenta de la deuda, y la gestión de la cuenta continúa por lo que falte."
    ),
    "broken_discount": "En ese caso el descuento de {discount} no se aplica.",
    "broken_again": (
        "Si prevé que no podrá cumplir una fecha, avísenos antes: se puede buscar otro acuerdo que "
        "reemplace a este."
    ),
    "replaces": "Este acuerdo reemplaza al acuerdo {id}.",
    "rights": "Sus derechos",
    "rights_any": "Puede pedir copia de este documento en cualquier momento y sin costo.",
    "rights_CO": (
        "Este acuerdo se celebra por medios electrónicos y tiene la validez que les da la Ley 527"
        " de 1999. No limita los derechos que la Ley 1480 de 2011 y la Ley 2300 de 2023 le dan "
        "como consumidor."
    ),
    "rights_MX": (
        "La deuda se muestra desglosada y con su fecha de cálculo. El pago se hace al acreedor y "
        "no a quien gestiona en su nombre. Si tiene una queja, puede presentarla ante el acreedor"
        " y ante la autoridad que corresponda: CONDUSEF si es una entidad financiera, PROFECO si "
        "no lo es."
    ),
    "rights_CL": (
        "Este documento no forma parte de un procedimiento judicial ni de ejecución de bienes. "
        "Usted puede pagar directamente al acreedor. Los intereses y gastos de cobranza se "
        "muestran por separado, como lo pide el artículo 37 de la Ley 19.496; si cree que no se "
        "respetan sus derechos, puede acudir al SERNAC."
    ),
    "privacy": "Datos personales",
    "privacy_text": (
        "{creditor} es responsable de sus datos personales y los usa para celebrar, cumplir y "
        "probar este acuerdo. Se conservan mientras la ley obligue a conservar los documentos de "
        "la deuda."
    ),
    "privacy_CO": (
        "Puede conocerlos, actualizarlos, rectificarlos, pedir prueba de su autorización o que se "
        "supriman cuando ya no haya un deber de conservarlos (Ley 1581 de 2012)."
    ),
    "privacy_MX": (
        "Puede acceder a ellos, rectificarlos, cancelarlos u oponerse a su uso (Ley Federal de "
        "Protección de Datos Personales en Posesión de los Particulares)."
    ),
    "privacy_CL": (
        "Puede acceder a ellos, rectificarlos, pedir que se supriman u oponerse a su uso, en los "
        "términos de la ley chilena sobre protección de datos personales."
    ),
    "privacy_any": (
        "Puede acceder a ellos, rectificarlos y pedir que se supriman cuando ya no haya un deber "
        "de conservarlos."
    ),
    "privacy_ways": "Para ejercer sus derechos: {ways}.",
    "privacy_policy": "Política de tratamiento: {url}",
    # the seal
    "acceptance": "Aceptación",
    "accepted_debtor": "Aceptado por el deudor el {day} a las {time} ({zone}), {channel}.",
    "accepted_operator": (
        "Aceptación del deudor el {day} a las {time} ({zone}), {channel}, registrada por quien lo"
        " atendió."
    ),
    "channel_portal": "en la página de su cuenta",
    "channel_phone": "por teléfono",
    "channel_reply": "al responder un mensaje",
    "channel_office": "en persona",
    "channel_system": "por el sistema del acreedor",
    "channel_other": "por otro medio",
    "confirmed": "Se identificó con un código de un solo uso enviado a un contacto registrado.",
    "followed_link": "Enlace del mensaje {message}; código n.º {challenge}.",
    "verification": "Verificación",
    "verify_text": "Compruebe que este documento es auténtico y sigue en pie:",
    "verify_code": "Código {code}",
    "verify_hash": "SHA-256 del contenido",
    # statements and letters
    "statement_title": "Estado de cuenta",
    "statement_as_of": "Al {day}",
    "overdue": "Documentos vencidos",
    "upcoming": "Documentos por vencer",
    "days_past_due": "Días",
    "amount_open": "Saldo",
    "beyond": "Otros documentos que no se detallan: {count}, por {amount}.",
    "credit": "Saldo a favor",
    "to_pay": "Por pagar",
    "summary": "Resumen",
    "true_today": (
        "Los pagos que lleguen después de esta fecha no aparecen aquí. Si ya pagó, no tiene que "
        "hacer nada más."
    ),
    "letter_closing": "Atentamente,",
}

_EN = {
    "page": "Page {page} of {pages}",
    "of": "{label}: {text}",
    "document": "Document",
    "issued": "Date",
    "due": "Due date",
    "no_due": "no date",
    "total": "Total",
    "principal": "Principal",
    "interest": "Default interest",
    "fee": "Fees",
    "tax": "Tax",
    "how_to_pay": "How to pay",
    "pay_online": "Online: {url}",
    "questions": "Questions or concerns?",
    "questions_text": "We will gladly help: {ways}.",
    "help_page": "Help: {url}",
    "complaints": "Complaints",
    "title_promise": "Promise to pay",
    "title_plan": "Agreement to pay in instalments",
    "title_extension": "Agreement on a later date",
    "title_settlement": "Agreement to pay with a discount",
    "agreement_no": "Agreement {id}",
    "parties": "The parties",
    "creditor": "Creditor",
    "collector": "Acting in its name",
    "debtor": "Debtor",
    "identified": "{name}, identified by {id}",
    "debt": "The debt",
    "debt_text": (
        "Amounts in {currency}, calculated on {day} from the creditor's records. If you do not "
        "agree with any of them, you can dispute it at any time."
    ),
    "agreed": "What is agreed",
    "agreed_promise": "The debtor undertakes to pay {total} by {first}.",
    "agreed_once": "The debtor pays {total} by {first}.",
    "agreed_several": (
        "The debtor pays {total} in {count} instalments, the first by {first} and the last by "
        "{last}."
    ),
    "sum_debt": "Debt on {day}",
    "sum_discount": "Discount of {component}",
    "sum_interest": "Interest of the agreement",
    "sum_rest": "Part of the debt that this promise does not cover",
    "sum_total": "Total to pay",
    "rate": (
        "The balance bears interest at an effective annual rate of {rate}, which the instalments "
        "include. Whoever pays earlier pays no interest of the periods that have not begun."
    ),
    "no_interest": "This agreement bears no interest and costs the debtor nothing.",
    "resting": (
        "While the agreement is kept, this debt is not collected and bears no default interest."
    ),
    "instalments": "Instalments",
    "number": "No.",
    "pay_by": "Pay by",
    "instalment_principal": "Debt",
    "instalment_interest": "Interest",
    "amount": "Amount",
    "left": "Left to pay",
    "pay_directly": (
        "Payments are made to {creditor} itself, with the reference {reference}. Nobody is "
        "authorised to receive them in an account of their own."
    ),
    "kept": "When it is kept",
    "kept_in_full": (
        "Once what was agreed is paid, the debt described is settled in full. A confirmation can "
        "be asked for at no cost."
    ),
    "kept_in_full_MX": (
        "Once what was agreed is paid, the debt described is settled in full (finiquito). A letter "
        "that says so can be asked for at no cost."
    ),
    "kept_discount": "The discount of {discount} is applied then.",
    "kept_in_part": (
        "This agreement is a part payment: once it is kept, {rest} of the debt calculated on {day} "
        "remains open."
    ),
    "broken": "If it is not kept",
    "tolerance": (
        "A payment counts as made in time if it arrives within {days} after its date{and_amount}."
    ),
    "tolerance_none": "A payment counts as made in time if it arrives by its date{and_amount}.",
    "tolerance_amount": ", and if {amount} of it is missing at most",
    "days": "{count} days",
    "day_one": "one day",
    "broken_text": (
        "If a payment does not arrive in time, the agreement ends on the day after. What was paid "
        "stays paid and is taken off the debt, and the account is followed up for the rest."
    ),
    "broken_discount": "In that case the discount of {discount} is not applied.",
    "broken_again": (
        "If you see that you will not be able to keep a date, tell us before: another agreement "
        "may be found that replaces this one."
    ),
    "replaces": "This agreement replaces agreement {id}.",
    "rights": "Your rights",
    "rights_any": "You can ask for a copy of this document at any time and at no cost.",
    "rights_CO": (
        "This agreement is made by electronic means and is as valid as Ley 527 of 1999 makes it. "
        "It does not limit the rights that Ley 1480 of 2011 and Ley 2300 of 2023 give you as a "
        "consumer."
    ),
    "rights_MX": (
        "The debt is shown broken down and with its date of calculation. Payment is made to the "
        "creditor and not to whoever acts in its name. A complaint can be made to the creditor "
        "and to the competent authority: CONDUSEF for a financial entity, PROFECO for any other."
    ),
    "rights_CL": (
        "This document is not part of a court proceeding or of the execution of any asset. You can "
        "pay the creditor directly. Interest and collection fees are shown apart, as article 37 of "
        "Ley 19.496 asks for; if you believe that your rights are not respected, you can turn to "
        "SERNAC."
    ),
    "privacy": "Personal data",
    "privacy_text": (
        "{creditor} is responsible for your personal data and uses it to make, keep and prove this "
        "agreement. It is kept as long as the law obliges to keep the papers of the debt."
    ),
    "privacy_CO": (
        "You can know, update and rectify it, ask for proof of your authorisation, or ask for its "
        "erasure once there is no duty to keep it (Ley 1581 of 2012)."
    ),
    "privacy_MX": (
        "You can access, rectify or cancel it, or object to its use (Ley Federal de Protección de "
        "Datos Personales en Posesión de los Particulares)."
    ),
    "privacy_CL": (
        "You can access and rectify it, ask for its erasure or object to its use, on the terms of "
        "Chile's law on the protection of personal data."
    ),
    "privacy_any": (
        "You can access and rectify it, and ask for its erasure once there is no duty to keep it."
    ),
    "privacy_ways": "To exercise your rights: {ways}.",
    "privacy_policy": "Privacy policy: {url}",
    "acceptance": "Acceptance",
    "accepted_debtor": "Accepted by the debtor on {day} at {time} ({zone}), {channel}.",
    "accepted_operator": (
        "The debtor's acceptance on {day} at {time} ({zone}), {channel}, recorded by whoever "
        "attended to them."
    ),
    "channel_portal": "on the page of the account",
    "channel_phone": "by telephone",
    "channel_reply": "in reply to a message",
    "channel_office": "in person",
    "channel_system": "through the creditor's system",
    "channel_other": "by other means",
    "confirmed": "Identified by a one-time code that was sent to a contact on file.",
    "followed_link": "Link of the message {message}; code no. {challenge}.",
    "verification": "Verification",
    "verify_text": "See whether this document is genuine and still stands:",
    "verify_code": "Code {code}",
    "verify_hash": "SHA-256 of the content",
    "statement_title": "Statement of account",
    "statement_as_of": "As of {day}",
    "overdue": "Past due",
    "upcoming": "Coming due",
    "days_past_due": "Days",
    "amount_open": "Balance",
    "beyond": "Further documents that are not listed: {count}, {amount} in all.",
    "credit": "Credit",
    "to_pay": "To pay",
    "summary": "Summary",
    "true_today": (
        "Payments that arrive after this date are not shown here. If you have paid already, there"
        " is nothing more you have to do."
    ),
    "letter_closing": "Yours faithfully,",
}

PHRASES: Mapping[str, Mapping[str, str]] = {"es": _ES, "en": _EN}


class Words:
    """The phrases of a reader's language: Spanish for any Spanish locale, otherwise English."""

    def __init__(self, locale: str) -> None:
        self.language = "es" if locale.partition("-")[0] == "es" else "en"

    def __call__(self, phrase: str, **named: object) -> str:
        """A phrase, with what it names filled in."""
        return PHRASES[self.language][phrase].format(**named)

    def of_country(self, phrase: str, country: str, otherwise: str) -> str:
        """What a phrase is in one country; else another phrase."""
        return PHRASES[self.language].get(f"{phrase}_{country}") or self(otherwise)
