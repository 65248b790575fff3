"""The words of the debtor's page: every phrase in Spanish and English, side by side.

People in trouble read them: kind and plain, exact about money and dates, no threat, no hurry that
is not there, and never a question why somebody has not paid (Colombia: Ley 2300 of 2023, article
7).
"""

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    # ------------------------------------------------------------------ every page
    "skip": ("Ir al contenido", "Skip to the content"),
    "home": ("Volver a mi cuenta", "Back to my account"),
    "other_language": ("English", "Español"),
    "sign_out": ("Cerrar sesión", "Sign out"),
    "leaves_alone": (
        "Por su seguridad, esta página se cierra sola después de 30 minutos sin uso.",
        "For your safety, this page closes by itself after 30 minutes without use.",
    ),
    "problems": ("Revise por favor", "Please check"),
    "optional": ("opcional", "optional"),
    "send": ("Enviar", "Send"),
    # ------------------------------------------------------------------ the door
    "door_title": ("Su cuenta con {creditor}", "Your account with {creditor}"),
    "door_intro": (
        "Aquí puede ver qué debe y por qué, pagar, acordar una forma de pago o pedir ayuda. Lo "
        "puede hacer con calma, a cualquier hora.",
        "Here you can see what you owe and why, pay, agree on a way to pay, or ask for help. Take "
        "your time; it works at any hour.",
    ),
    "door_ask": (
        "Últimos 4 números o letras de su documento",
        "Last 4 digits or letters of your document",
    ),
    "door_why": (
        "Lo preguntamos para que nadie más vea su información.",
        "We ask so that nobody else sees your information.",
    ),
    "door_enter": ("Ver mi cuenta", "See my account"),
    "door_wrong": (
        "No coincide con lo que tenemos. Revíselo e intente de nuevo.",
        "It does not match what we have. Check it and try again.",
    ),
    "door_locked": (
        "Hubo demasiados intentos, y por seguridad esta página descansa un rato. Intente más "
        "tarde, o comuníquese con nosotros.",
        "There were too many attempts, and for safety this page rests for a while. Try later, or "
        "get in touch with us.",
    ),
    "door_closed": (
        "Por este medio no podemos comprobar su identidad. Comuníquese con nosotros y con gusto "
        "le ayudamos.",
        "We cannot check your identity this way. Get in touch with us and we will gladly help.",
    ),
    "door_pay": ("¿Solo quiere pagar?", "Would you just like to pay?"),
    "door_pay_rest": (
        "¿Quiere pagar lo que no está en el acuerdo?",
        "Would you like to pay what is not in the agreement?",
    ),
    "door_agreement": (
        "Usted tiene un acuerdo de pago con {creditor}. Para ver qué pago sigue y hacerlo, entre a "
        "su cuenta.",
        "You have a payment agreement with {creditor}. To see which payment comes next, and to "
        "make it, go into your account.",
    ),
    "door_not_me": ("Este mensaje no es para mí", "This message is not for me"),
    "door_stop": ("No quiero más mensajes por este medio", "I want no more messages this way"),
    "ended": (
        "La página se cerró por seguridad. Escriba de nuevo los 4 caracteres para continuar.",
        "The page was closed for safety. Enter the 4 characters again to go on.",
    ),
    "left": ("Cerró su cuenta en este equipo.", "You have signed out on this device."),
    # ------------------------------------------------------------------ not me, stop
    "not_me_title": ("¿El mensaje no es para usted?", "Is the message not for you?"),
    "not_me": (
        "Lo sentimos. Si lo confirma, no volveremos a escribirle a esta dirección o número y "
        "este enlace dejará de funcionar.",
        "We are sorry. If you confirm it, we will not write to this address or number again, and "
        "this link will stop working.",
    ),
    "not_me_button": ("Confirmo que no es para mí", "I confirm that it is not for me"),
    "not_me_done_title": ("Gracias por avisarnos", "Thank you for telling us"),
    "not_me_done": (
        "No volveremos a escribirle aquí. Usted no tiene que hacer nada más.",
        "We will not write to you here again. There is nothing more you have to do.",
    ),
    "stop_title": ("Dejar de recibir mensajes", "Stop receiving messages"),
    "stop": (
        "Si lo confirma, no recibirá más mensajes de {creditor} por {channel}.",
        "If you confirm it, you will get no more messages from {creditor} by {channel}.",
    ),
    "stop_button": ("No quiero más mensajes por {channel}", "No more messages by {channel}"),
    "stop_done_title": ("Listo", "Done"),
    "stop_done": (
        "No recibirá más mensajes por {channel}. Esto no cambia lo que deba. Si más adelante los "
        "quiere de nuevo, comuníquese con nosotros.",
        "You will get no more messages by {channel}. It does not change what you may owe. If you "
        "want them again some day, get in touch with us.",
    ),
    "by_email": ("correo electrónico", "e-mail"),
    "by_sms": ("mensaje de texto", "text message"),
    "by_whatsapp": ("WhatsApp", "WhatsApp"),
    "by_voice": ("llamada", "phone call"),
    "by_letter": ("carta", "letter"),
    "revoked_title": ("Este enlace ya no está activo", "This link is no longer active"),
    "revoked": (
        "Alguien pidió desactivarlo. Si lo necesita, comuníquese con nosotros y con gusto le "
        "enviamos otro.",
        "Somebody asked us to switch it off. If you need it, get in touch with us and we will "
        "gladly send you another.",
    ),
    # ------------------------------------------------------------------ the overview
    "hello": ("Hola, {name}", "Hello, {name}"),
    "hello_company": ("{name}", "{name}"),
    "owed": ("Lo que debe hoy", "What you owe today"),
    "owed_late": ("De eso está vencido", "Of which past due"),
    "owed_nothing": ("Hoy no tiene nada por pagar.", "There is nothing to pay today."),
    "owed_unasked": ("Hoy no le pedimos ningún pago.", "We ask you for no payment today."),
    "owed_on": ("Calculado el {day}", "Worked out on {day}"),
    "credit": ("Tiene a su favor", "You have in your favour"),
    "lines": ("Qué debe y por qué", "What you owe and why"),
    "laws": ("Lo que la ley nos pide decirle", "What the law asks us to tell you"),
    "line_of": ("Documento {document}", "Document {document}"),
    "line_due": ("Venció el {day}", "It was due on {day}"),
    "line_comes_due": ("Vence el {day}", "It comes due on {day}"),
    "line_no_due": ("Sin fecha de vencimiento", "Without a due date"),
    "line_late": ("{days} días de vencido", "{days} days past due"),
    "line_late_one": ("1 día de vencido", "1 day past due"),
    "line_why": ("De dónde sale este valor", "Where this amount comes from"),
    "line_amount": ("Valor inicial, del {day}", "Initial amount, of {day}"),
    "line_principal": ("Capital pendiente", "Principal outstanding"),
    "line_interest": ("Intereses de mora", "Default interest"),
    "line_fee": ("Gastos de cobranza", "Collection costs"),
    "line_tax": ("Impuesto", "Tax"),
    "line_open": ("Total pendiente", "Total outstanding"),
    "line_disputed": ("En revisión: nadie se lo cobra", "Under review: nobody asks you for it"),
    "line_unasked": (
        "Por ahora no le pedimos este pago",
        "We are not asking you for this payment now",
    ),
    "line_agreed": ("En su acuerdo de pago", "In your payment agreement"),
    "line_dispute": ("No estoy de acuerdo con este valor", "I do not agree with this amount"),
    "rest": (
        "Otros {count} documentos por {amount}",
        "Another {count} documents for {amount}",
    ),
    "pay_title_now": ("Pagar ahora", "Pay now"),
    "pay_title_rest": ("Pagar lo demás", "Pay the rest"),
    "pay_amount": ("Pagar {amount} con {way}", "Pay {amount} with {way}"),
    "pay_whole": ("Pagar todo, {amount}, con {way}", "Pay all of it, {amount}, with {way}"),
    "can_do": ("Qué puede hacer", "What you can do"),
    "do_offers": ("Pagar por cuotas o con otro plazo", "Pay in instalments or later"),
    "do_offers_why": (
        "Vea opciones y sus valores antes de decidir.",
        "See options and their amounts before you decide.",
    ),
    "do_promise": ("Decir qué día voy a pagar", "Say which day I will pay"),
    "do_promise_why": (
        "Usted elige la fecha y el valor; mientras tanto no le cobramos.",
        "You choose the day and the amount; meanwhile we do not ask for it.",
    ),
    "do_dispute": ("No estoy de acuerdo con la deuda", "I do not agree with the debt"),
    "do_dispute_why": (
        "Lo revisa una persona, y la primera vez no se lo cobramos mientras tanto.",
        "A person looks into it, and the first time we do not ask for it meanwhile.",
    ),
    "do_help": ("No puedo pagar en este momento", "I cannot pay at the moment"),
    "do_help_why": (
        "Hacemos una pausa y buscamos con usted una salida.",
        "We pause, and look for a way with you.",
    ),
    "do_ask": ("Hacer una pregunta", "Ask a question"),
    "do_ask_why": ("Le responde una persona.", "A person answers you."),
    "do_settings": ("Cómo y cuándo contactarme", "How and when to reach me"),
    "do_settings_why": (
        "Canales, horarios e idioma, o no recibir más mensajes.",
        "Channels, hours and language, or no more messages.",
    ),
    "do_agreements": ("Mis acuerdos de pago", "My payment agreements"),
    "do_agreements_why": (
        "Los de hoy y los de antes, con su documento.",
        "Those of today and of before, with their documents.",
    ),
    "do_payments": ("Mis pagos y comprobantes", "My payments and receipts"),
    "do_payments_why": ("Lo que hemos recibido de usted.", "What we have received from you."),
    "do_feedback": ("Contarnos cómo le atendimos", "Tell us how you were treated"),
    "do_feedback_why": ("Nos ayuda a tratar bien a todos.", "It helps us to treat everybody well."),
    "awaited_short": (
        "Tenemos aviso de un pago suyo por confirmar. Si acaba de pagar, no tiene que hacer nada "
        "más.",
        "We have been told of a payment of yours that is still to be confirmed. If you have just "
        "paid, there is nothing more you have to do.",
    ),
    "decline_done": (
        "Listo: no aceptó ese acuerdo. Aquí sigue todo lo demás que puede hacer.",
        "Done: you have not taken that agreement. Everything else you can do is still here.",
    ),
    "statement_download": ("Descargar el estado de cuenta (PDF)", "Download the statement (PDF)"),
    "statement_why": (
        "Lo vencido y lo que está por vencer, sin lo que está en un acuerdo o en revisión ni lo "
        "que por ahora no le pedimos.",
        "What is past due and what comes due soon, without what is in an agreement or under "
        "review, or what we do not ask for now.",
    ),
    "offer_card": ("Le ofrecimos un acuerdo", "We have offered you an agreement"),
    "offer_card_see": ("Verlo completo", "See all of it"),
    "offer_until": ("Lo puede aceptar hasta el {day}", "You can accept it until {day}"),
    "agreement_card": ("Su acuerdo de pago", "Your payment agreement"),
    "agreement_next": ("Próximo pago", "Next payment"),
    "agreement_on": ("A más tardar el {day}", "By {day}"),
    "agreement_progress": ("Ha pagado {paid} de {total}", "You have paid {paid} of {total}"),
    "agreement_see": ("Ver el acuerdo", "See the agreement"),
    # ------------------------------------------------------------------ offers and plan
    "offers_title": ("Opciones para pagar", "Options to pay"),
    "offers_intro": (
        "Elija una para ver todos los detalles. Ver no le compromete a nada.",
        "Choose one to see all the details. Looking commits you to nothing.",
    ),
    "offers_none": (
        "En este momento no hay opciones que podamos ofrecerle por esta página. Escríbanos y "
        "buscamos una con usted.",
        "At the moment there are no options that we can offer on this page. Write to us and we "
        "will look for one with you.",
    ),
    "offers_stopped": (
        "En este momento no podemos hacer acuerdos por esta página. Si tiene preguntas, "
        "comuníquese con nosotros y le atiende una persona.",
        "At the moment we cannot make agreements on this page. If you have questions, get in touch "
        "with us, and a person will attend to you.",
    ),
    "offers_unapplied_credit": (
        "Tiene dinero a su favor que primero se descuenta de lo que debe. Cuando esté aplicado, "
        "aquí verá opciones para lo que quede.",
        "You have money in your favour that is taken off what you owe first. Once it is, you will "
        "find options here for what is left.",
    ),
    "offers_oldest": (
        "Es sobre sus {count} documentos más antiguos, los que caben en un acuerdo. Los demás los "
        "puede acordar después.",
        "This is about your {count} oldest documents, as many as one agreement can be about. The "
        "others you can agree on afterwards.",
    ),
    "offers_resting": (
        "Ya tiene un acuerdo de pago sobre esta deuda. Si necesita cambiarlo, lo puede pedir desde "
        "el acuerdo.",
        "You already have a payment agreement on this debt. If you need to change it, you can ask "
        "for it from the agreement.",
    ),
    "offers_change": (
        "Estas opciones reemplazarían su acuerdo de hoy, que sigue igual hasta que usted acepte "
        "otro. Ver no le compromete a nada.",
        "These options would replace your agreement of today, which stays as it is until you "
        "accept another. Looking commits you to nothing.",
    ),
    "offer_plan": ("Pagar en {count} cuotas {every}", "Pay in {count} {every} instalments"),
    "every_week": ("semanales", "weekly"),
    "every_fortnight": ("cada 14 días", "fortnightly"),
    "every_twice_monthly": ("cada 15 y fin de mes", "twice-monthly"),
    "every_month": ("mensuales", "monthly"),
    "offer_extension": ("Pagar todo más adelante", "Pay all of it later"),
    "offer_settlement": ("Pagar con descuento", "Pay with a discount"),
    "offer_settlement_in": (
        "Pagar con descuento, en {count} pagos {every}",
        "Pay with a discount, in {count} {every} payments",
    ),
    "offer_see": ("Ver este plan", "See this plan"),
    "capacity": (
        "¿Cuánto puede pagar al mes, sin apuros?",
        "How much can you pay a month, without strain?",
    ),
    "capacity_why": (
        "Le mostramos solo las opciones que le alcanzan.",
        "We show you only the options that fit.",
    ),
    "capacity_button": ("Buscar opciones", "Look for options"),
    "capacity_none": (
        "Con ese valor no encontramos una opción. Puede probar con otro, o contarnos su situación "
        "y la revisa una persona.",
        "We found no option with that amount. You can try another, or tell us, and a person will "
        "look at it.",
    ),
    "money_wrong": (
        "No entendimos el valor en {currency}. Escríbalo así, por ejemplo: {example}",
        "We did not understand the amount in {currency}. Write it like this, for example: "
        "{example}",
    ),
    "day_wrong": ("Elija una fecha", "Choose a date"),
    "in_currency": ("Ver lo que debe en {currency}", "See what you owe in {currency}"),
    "plan_title": ("Revise el plan con calma", "Look at the plan at your ease"),
    "plan_what": ("Qué se paga y cuándo", "What is paid, and when"),
    "plan_number": ("Cuota", "No."),
    "plan_day": ("A más tardar el", "By"),
    "plan_amount": ("Valor", "Amount"),
    "plan_interest_of": ("con {interest} de intereses", "with {interest} of interest"),
    "plan_left": ("faltan {left}", "{left} left"),
    "plan_total": ("Total", "Total"),
    "plan_debt": ("Deuda que cubre", "Debt that it covers"),
    "plan_discount": ("Descuento, si cumple", "Discount, if you keep to it"),
    "plan_if_kept": (
        "Mientras cumpla, no le cobramos por otros medios y esta deuda no suma intereses de mora.",
        "As long as you keep to it, we do not ask for the debt in other ways, and it bears no "
        "default interest.",
    ),
    "plan_in_full": (
        "Cuando termine, esta deuda queda saldada por completo.",
        "When you finish, this debt is settled in full.",
    ),
    "plan_tolerance": (
        "Si se atrasa, tiene {days} días más para ponerse al día sin perder el acuerdo.",
        "If you are late, you have {days} more days to catch up without losing the agreement.",
    ),
    "plan_tolerance_one": (
        "Si se atrasa, tiene 1 día más para ponerse al día sin perder el acuerdo.",
        "If you are late, you have 1 more day to catch up without losing the agreement.",
    ),
    "plan_if_broken": (
        "Si una cuota no llega a tiempo, el acuerdo termina. Lo que haya pagado cuenta, y se debe "
        "lo que falte.",
        "If an instalment does not arrive in time, the agreement ends. What you have paid counts, "
        "and what is left is owed.",
    ),
    "plan_if_broken_discount": (
        "Si una cuota no llega a tiempo, el acuerdo termina y el descuento se pierde. Lo que haya "
        "pagado cuenta, y se debe lo que falte.",
        "If an instalment does not arrive in time, the agreement ends and the discount is lost. "
        "What you have paid counts, and what is left is owed.",
    ),
    "plan_next": ("Continuar para aceptar", "Go on to accept"),
    "plan_next_why": (
        "Le enviaremos un código para confirmar que es usted. Todavía no acepta nada.",
        "We will send you a code to confirm that it is you. You do not accept anything yet.",
    ),
    "plan_other": ("Ver otras opciones", "See other options"),
    "refused_gone": (
        "Esta opción ya no está disponible así, y no se acordó nada. Aquí está lo que es posible "
        "hoy.",
        "This option is not available like this any more, and nothing was agreed on. Here is what "
        "is possible today.",
    ),
    "refused_too_many": (
        "Ya pidió varias opciones y no ha aceptado ninguna, así que no agregamos otra. Esas vencen "
        "solas en unos días; si necesita algo antes, comuníquese con nosotros.",
        "You have asked for several options and accepted none, so we added no other. They expire "
        "by themselves within days; if you need something sooner, get in touch with us.",
    ),
    "refused_expired": (
        "La oferta venció antes de que la aceptara, y no se acordó nada. Aquí está lo que es "
        "posible hoy.",
        "The offer expired before you accepted it, and nothing was agreed on. Here is what is "
        "possible today.",
    ),
    "refused_on_hold": (
        "Entre tanto alguno de los documentos quedó en revisión, y no se acordó nada. Mientras se "
        "revisa nadie se lo cobra.",
        "Meanwhile one of the documents went under review, and nothing was agreed on. Nobody asks "
        "you for it until that is done.",
    ),
    "refused_resting": (
        "Alguno de los documentos ya está en otro acuerdo suyo, y no se acordó nada nuevo.",
        "One of the documents is in another agreement of yours already, and nothing new was agreed "
        "on.",
    ),
    "refused_stopped": (
        "En este momento no podemos hacer acuerdos por esta página, y no se acordó nada.",
        "At the moment we cannot make agreements on this page, and nothing was agreed on.",
    ),
    "refused_unapplied_credit": (
        "Tiene dinero a su favor que primero se descuenta de la deuda, y no se acordó nada.",
        "You have money in your favour that is taken off the debt first, and nothing was agreed "
        "on.",
    ),
    "refused_busy": (
        "Su cuenta estaba cambiando en ese momento, y no se acordó nada. Intente de nuevo.",
        "Your account was changing at that moment, and nothing was agreed on. Try again.",
    ),
    "compared": ("Su acuerdo de hoy y el nuevo", "Your agreement of today and the new one"),
    "compared_now": ("Hoy", "Today"),
    "compared_then": ("Nuevo", "New"),
    "compared_left": ("Por pagar", "To be paid"),
    "compared_count": ("Pagos que faltan", "Payments left"),
    "compared_next": ("Próximo pago", "Next payment"),
    "compared_last": ("Último pago", "Last payment"),
    "compared_why": (
        "Si acepta el nuevo, reemplaza al de hoy. Lo que ya pagó sigue contando.",
        "If you accept the new one, it replaces that of today. What you have paid still counts.",
    ),
    "promise_title": ("¿Qué día puede pagar?", "Which day can you pay?"),
    "promise_intro": (
        "Elija una fecha y un valor que sí pueda cumplir.",
        "Choose a day and an amount that you can keep to.",
    ),
    "promise_day": ("Fecha", "Date"),
    "promise_day_hint": ("A más tardar el {day}", "By {day}"),
    "promise_amount": ("Valor en {currency}", "Amount in {currency}"),
    "promise_amount_hint": ("Hasta {amount}", "Up to {amount}"),
    "promise_see": ("Ver el resumen", "See the summary"),
    # ------------------------------------------------------------------ codes
    "code_title": ("Confirmemos que es usted", "Let us confirm that it is you"),
    "code_intro": (
        "Le enviamos un código a un medio suyo, para que nadie más haga esto en su nombre.",
        "We send a code to a contact of yours, so that nobody else does this in your name.",
    ),
    "code_where": ("¿A dónde le enviamos el código?", "Where shall we send the code?"),
    "code_send": ("Enviarme el código", "Send me the code"),
    "code_sent": ("Le enviamos un código ({point}).", "We sent you a code ({point})."),
    "code_field": ("Código de 6 números", "6-digit code"),
    "code_hint": (
        "Funciona 10 minutos. Puede tardar un momento en llegar.",
        "It works for 10 minutes. It may take a moment to arrive.",
    ),
    "code_accept": ("Acepto este acuerdo", "I accept this agreement"),
    "code_confirm": ("Confirmar", "Confirm"),
    "code_again": ("Enviar otro código", "Send another code"),
    "code_wrong": ("El código no coincide. Revíselo.", "The code does not match. Check it."),
    "code_ended": (
        "Este código ya no funciona. Pida otro.",
        "This code does not work any more. Ask for another.",
    ),
    "code_too_soon": (
        "Acabamos de enviarle un código. Espere medio minuto antes de pedir otro.",
        "We have just sent you a code. Wait half a minute before you ask for another.",
    ),
    "code_too_many": (
        "Por hoy ya le enviamos muchos códigos. Intente mañana, o comuníquese con nosotros.",
        "We have sent you many codes today. Try tomorrow, or get in touch with us.",
    ),
    "code_changed": (
        "Las condiciones cambiaron desde que las vio: mírelas de nuevo. Todavía no ha aceptado "
        "nada.",
        "The terms have changed since you saw them: look at them again. You have not accepted "
        "anything yet.",
    ),
    "code_not_sent": (
        "No pudimos enviar el código. Intente de nuevo o elija otro medio.",
        "We could not send the code. Try again, or choose another way.",
    ),
    "code_why": (
        "Para volver a escribirle por un canal o en unas horas que había cerrado, confirmamos que "
        "es usted. Lo demás ya quedó guardado.",
        "Before we write again by a channel or at hours that you had closed, we confirm that it is "
        "you. The rest is saved already.",
    ),
    "code_no_points": (
        "No tenemos un correo o celular suyo al que podamos enviarle un código. Comuníquese con "
        "nosotros, o escríbanos desde «Hacer una pregunta».",
        "We have no e-mail or mobile number of yours to send a code to. Get in touch with us, or "
        "write to us under “Ask a question”.",
    ),
    "code_document": (
        "Leer el documento completo, palabra por palabra",
        "Read the whole document, word for word",
    ),
    "code_terms": ("Esto es lo que acepta", "This is what you accept"),
    # ------------------------------------------------------------------ the agreement
    "agreement_title": ("Su acuerdo de pago", "Your payment agreement"),
    "agreement_accepted": (
        "Gracias. Su acuerdo quedó aceptado; puede descargarlo aquí.",
        "Thank you. Your agreement is accepted; you can download it here.",
    ),
    "agreement_accepted_waits": (
        "Gracias. Recibimos su aceptación. Cuando el acuerdo esté aprobado, aquí podrá descargar "
        "su documento.",
        "Thank you. We have received your acceptance. Once the agreement is approved, you can "
        "download its document here.",
    ),
    "agreement_waits": (
        "Una persona de nuestro equipo debe aprobarlo. Le avisaremos.",
        "A person of our team has to approve it. We will let you know.",
    ),
    "agreement_download": ("Descargar el acuerdo (PDF)", "Download the agreement (PDF)"),
    "agreement_change": (
        "Escríbanos antes de la fecha y buscamos otra forma con usted.",
        "Write to us before the day and we will look for another way with you.",
    ),
    "agreement_in_full": (
        "Con este acuerdo la deuda quedó saldada por completo. Guarde el documento.",
        "With this agreement the debt is settled in full. Keep the document.",
    ),
    "agreement_whole": ("¿Prefiere terminar ya?", "Would you rather finish now?"),
    "agreement_whole_why": (
        "Con {amount} paga hoy todo lo que falta y el acuerdo queda cumplido.",
        "With {amount} you pay today all that is left, and the agreement is kept.",
    ),
    "change_title": ("¿No le va a alcanzar?", "Will it be too much?"),
    "change_offers": (
        "Puede pedir un cambio: le mostramos otras formas al lado de la de hoy, y usted decide.",
        "You can ask for a change: we show you other ways beside the one of today, and you decide.",
    ),
    "change_button": ("Pedir un cambio", "Ask for a change"),
    "again_title": ("Puede acordar de nuevo", "You can agree again"),
    "again_why": (
        "Este acuerdo terminó, pero lo que pagó cuenta. Veamos otra forma con lo que falta.",
        "This agreement has ended, but what you paid counts. Let us look at another way for what "
        "is left.",
    ),
    "again_button": ("Volver a acordar", "Agree again"),
    "agreement_before": ("Ver el acuerdo anterior", "See the agreement before it"),
    "agreement_after": ("Ver el acuerdo que lo reemplazó", "See the agreement that replaced it"),
    "offer_title": ("Un acuerdo para usted", "An agreement for you"),
    "kind_promise": ("Promesa de pago", "Promise to pay"),
    "kind_plan": ("Plan de {count} cuotas", "Plan of {count} instalments"),
    "kind_extension": ("Más plazo", "More time to pay"),
    "kind_settlement": ("Pago con descuento", "Payment with a discount"),
    "agreements_title": ("Sus acuerdos de pago", "Your payment agreements"),
    "agreements_none": (
        "Todavía no ha hecho acuerdos de pago con nosotros.",
        "You have made no payment agreements with us yet.",
    ),
    "agreements_of": ("Del {day}", "Of {day}"),
    "decline_title": ("No quiero este acuerdo", "I do not want this agreement"),
    "decline_intro": (
        "Está bien: decir que no, no le cuesta nada. La deuda sigue como está y puede ver otras "
        "opciones cuando quiera.",
        "That is fine: saying no costs you nothing. The debt stays as it is, and you can look at "
        "other options whenever you like.",
    ),
    "decline_text": (
        "Si quiere, cuéntenos qué le serviría más",
        "If you like, tell us what would suit you better",
    ),
    "decline_button": ("No aceptar este acuerdo", "Do not accept this agreement"),
    "decline_keep": ("Volver a ver el acuerdo", "See the agreement again"),
    "take_back_title": ("Ya no quiero este acuerdo", "I do not want this agreement any more"),
    "take_back_intro": (
        "Todavía no lo hemos aprobado, así que lo puede retirar sin costo. La deuda sigue como "
        "está y puede ver otras opciones cuando quiera.",
        "We have not approved it yet, so you can take it back at no cost. The debt stays as it "
        "is, and you can look at other options whenever you like.",
    ),
    "take_back_button": ("Retirar este acuerdo", "Take this agreement back"),
    "state_offered": ("Por aceptar", "To be accepted"),
    "state_accepted": ("Aceptado", "Accepted"),
    "state_active": ("En curso", "Under way"),
    "state_fulfilled": ("Cumplido. ¡Gracias!", "Kept. Thank you!"),
    "state_broken": ("Terminado sin completarse", "Ended before it was complete"),
    "state_cancelled": ("Cancelado", "Cancelled"),
    "state_replaced": ("Reemplazado por otro", "Replaced by another"),
    "state_expired": ("Vencido sin aceptarse", "Expired before it was accepted"),
    "instalment_open": ("Por pagar", "To be paid"),
    "instalment_late": ("Atrasada, aún a tiempo", "Late, still in time"),
    "instalment_kept": ("Pagada", "Paid"),
    "instalment_reversed": ("El pago se devolvió", "The payment went back"),
    "instalment_part_kept": ("Pagada en parte", "Paid in part"),
    "instalment_missed": ("No se pagó a tiempo", "Not paid in time"),
    # ------------------------------------------------------------------ payments
    "payments_title": ("Mis pagos", "My payments"),
    "payments_none": (
        "Todavía no hemos recibido pagos suyos.",
        "We have not received payments of yours yet.",
    ),
    "payments_intro": (
        "Elija un pago para ver su comprobante.",
        "Choose a payment to see its receipt.",
    ),
    "payments_older": ("Ver pagos anteriores", "See earlier payments"),
    "payments_newest": ("Ver los más recientes", "See the latest"),
    "receipt_title": ("Comprobante de pago", "Payment receipt"),
    "receipt_day": ("Fecha del pago", "Date of payment"),
    "receipt_amount": ("Valor recibido", "Amount received"),
    "receipt_reference": ("Referencia", "Reference"),
    "receipt_to": ("Recibido por", "Received by"),
    "receipt_from": ("A nombre de", "On the account of"),
    "receipt_settled": ("A qué se abonó", "What it settled"),
    "receipt_credit": ("Queda a su favor", "Left in your favour"),
    "receipt_print": (
        "Puede imprimir esta página o guardarla como PDF desde su navegador.",
        "You can print this page, or save it as PDF from your browser.",
    ),
    "component_principal": ("capital", "principal"),
    "component_interest": ("intereses", "interest"),
    "component_fee": ("gastos", "fees"),
    "component_tax": ("impuesto", "tax"),
    # ------------------------------------------------------------------ dispute
    "dispute_title": ("No estoy de acuerdo", "I do not agree"),
    "dispute_intro": (
        "Está en su derecho. Cuéntenos qué no está bien y una persona lo revisa. La primera vez "
        "que nos da una razón, nadie le cobra ese documento mientras tanto.",
        "That is your right. Tell us what is not correct and a person will look into it. The first "
        "time that you give a reason, nobody asks you for that document meanwhile.",
    ),
    "dispute_which": ("¿Cuál documento?", "Which document?"),
    "dispute_what": ("¿Qué no está bien?", "What is not correct?"),
    "dispute_paid": ("Ya lo pagué", "I have paid it"),
    "dispute_amount": ("El valor no es correcto", "The amount is not correct"),
    "dispute_not_mine": ("Esta deuda no es mía", "This debt is not mine"),
    "dispute_not_received": (
        "No recibí el producto o el servicio",
        "I did not receive the goods or the service",
    ),
    "dispute_agreed_otherwise": ("Acordamos otra cosa", "We agreed on something else"),
    "dispute_identity_theft": (
        "Alguien usó mis datos sin permiso",
        "Somebody used my data without permission",
    ),
    "dispute_other": ("Otra razón", "Another reason"),
    "dispute_text": ("Cuéntenos lo que quiera que sepamos", "Tell us what you want us to know"),
    "dispute_send": ("Enviar a revisión", "Send for review"),
    "dispute_choose_which": ("Elija el documento", "Choose the document"),
    "dispute_choose_what": ("Elija qué no está bien", "Choose what is not correct"),
    "dispute_none": (
        "No hay documentos abiertos que se puedan revisar.",
        "There are no open documents to look into.",
    ),
    "dispute_done": (
        "Recibimos su desacuerdo y lo revisa una persona. Mientras tanto nadie le cobra ese "
        "documento. Si quiere, puede adjuntar un soporte.",
        "We have received your disagreement and a person will look into it. Meanwhile nobody asks "
        "you for that document. If you like, you can attach a document.",
    ),
    "dispute_heard": (
        "Recibimos su desacuerdo y una persona lo revisará. Como ese documento ya estuvo en pausa "
        "por la misma razón, esta vez no queda en pausa durante la revisión. Si tiene algo nuevo "
        "que lo muestre, puede adjuntarlo.",
        "We have received your disagreement and a person will look into it. Since that document "
        "has been paused for the same reason before, this time it is not paused meanwhile. If you "
        "have something new that shows it, you can attach it.",
    ),
    "upload_title": ("Adjuntar un soporte", "Attach a document"),
    "upload_intro": (
        "Un recibo, una foto o una captura de pantalla. Hasta 5 MB por archivo. No es obligatorio.",
        "A receipt, a photo or a screenshot. Up to 5 MB a file. You need not.",
    ),
    "upload_other": ("¿Es de otro tipo?", "Is it of another kind?"),
    "upload_kind": ("¿Qué tipo de archivo es?", "What kind of file is it?"),
    "upload_pdf": ("PDF", "PDF"),
    "upload_jpg": ("Foto (JPG)", "Photo (JPG)"),
    "upload_png": ("Captura de pantalla (PNG)", "Screenshot (PNG)"),
    "upload_file": ("Archivo {kind}, de hasta 5 MB", "{kind} file, up to 5 MB"),
    "upload_send": ("Adjuntar", "Attach"),
    "upload_done": (
        "Recibimos el archivo. Puede adjuntar otro, o volver a su cuenta.",
        "We have received the file. You can attach another, or go back to your account.",
    ),
    "upload_wrong": (
        "Ese archivo no es del tipo elegido, o pesa más de 5 MB. No lo guardamos; intente con "
        "otro.",
        "That file is not of the kind chosen, or larger than 5 MB. We did not keep it; try "
        "another.",
    ),
    "upload_later": ("Ahora no", "Not now"),
    # ------------------------------------------------------------------ ask, help
    "ask_page_title": ("Hacer una pregunta", "Ask a question"),
    "ask_intro": (
        "Escríbanos con sus palabras. Le responde una persona, normalmente en dos días hábiles.",
        "Write in your own words. A person will answer, normally within two working days.",
    ),
    "ask_text": ("Su pregunta", "Your question"),
    "ask_empty": ("Escriba su pregunta", "Write your question"),
    "ask_done": (
        "Recibimos su pregunta. Le responde una persona por un medio que tengamos suyo.",
        "We have received your question. A person will answer by a contact of yours that we have.",
    ),
    "help_title": ("Si ahora no puede pagar", "If you cannot pay now"),
    "help_intro": (
        "Le pasa a mucha gente, y no tiene que explicarnos por qué. Lo importante es que usted "
        "esté bien.",
        "It happens to many people, and you do not have to tell us why. What matters is that you "
        "are all right.",
    ),
    "help_what": ("Qué hacemos nosotros", "What we do"),
    "help_pause": (
        "Hacemos una pausa hasta el {day}: no recibirá mensajes de cobro.",
        "We pause until {day}: you will get no messages asking for money.",
    ),
    "help_person": (
        "Una persona se comunica con usted para buscar una salida que pueda cumplir.",
        "A person gets in touch with you to look for a way that you can keep to.",
    ),
    "help_free": (
        "No cuesta nada, y no le compromete a nada.",
        "It costs nothing and commits you to nothing.",
    ),
    "help_first": (
        "Primero su casa, su comida y su salud. Una deuda se puede conversar.",
        "Your home, your food and your health come first. A debt can be talked about.",
    ),
    "help_text": (
        "Si quiere, cuéntenos cómo y cuándo prefiere que le contactemos",
        "If you like, tell us how and when you would rather be contacted",
    ),
    "help_button": ("Pedir la pausa y que me contacten", "Ask for the pause and a contact"),
    "help_button_again": ("Pedir que me contacten", "Ask for a contact"),
    "help_done": (
        "Listo: una persona se comunicará con usted. Usted no tiene que hacer nada más por ahora.",
        "Done: a person will get in touch with you. There is nothing more you have to do for now.",
    ),
    # ------------------------------------------------------------------ settings, feedback
    "settings_title": ("Cómo y cuándo contactarle", "How and when to reach you"),
    "settings_channels": ("Me pueden escribir por", "You may write to me by"),
    "settings_channels_hint": (
        "Quite la marca de lo que no quiera recibir.",
        "Clear what you do not want.",
    ),
    "settings_hours": ("¿A qué horas prefiere?", "At what hours would you rather be reached?"),
    "settings_hours_hint": (
        "Siempre dentro del horario que permite la ley.",
        "Always within the hours that the law allows.",
    ),
    "hours_any": ("A cualquier hora permitida", "At any hour allowed"),
    "hours_morning": ("En la mañana, de 7 a 12", "In the morning, 7 to 12"),
    "hours_afternoon": ("En la tarde, de 12 a 5", "In the afternoon, 12 to 5"),
    "hours_evening": ("Al final del día, de 5 a 8", "At the end of the day, 5 to 8"),
    "hours_weekdays": ("Solo de lunes a viernes", "Monday to Friday only"),
    "hours_keep": ("Las horas que ya dijo", "The hours that you said before"),
    "settings_language": ("Idioma", "Language"),
    "language_es": ("Español", "Español"),
    "language_en": ("English", "English"),
    "settings_save": ("Guardar", "Save"),
    "settings_again": (
        "Revise lo que eligió y guárdelo.",
        "Look at what you chose, and save it.",
    ),
    "settings_done": (
        "Guardamos sus preferencias y las respetamos desde ya.",
        "We have saved your preferences, and keep to them from now on.",
    ),
    "feedback_title": ("¿Cómo le atendimos?", "How were you treated?"),
    "feedback_intro": (
        "Su respuesta no cambia nada de su cuenta.",
        "Your answer changes nothing about your account.",
    ),
    "feedback_how": ("Me sentí", "I was treated"),
    "treated_well": ("Bien: con respeto y claridad", "Well: with respect and clearly"),
    "treated_fair": ("Regular", "So-so"),
    "treated_badly": ("Mal: quiero que alguien lo revise", "Badly: somebody should look into it"),
    "feedback_text": ("¿Qué podemos mejorar?", "What can we do better?"),
    "feedback_choose": ("Elija una respuesta", "Choose an answer"),
    "feedback_done": ("Gracias por contarnos.", "Thank you for telling us."),
    "try_later_title": ("Intente en un momento", "Try again in a moment"),
    "try_later": (
        "Algo falló de nuestro lado y no se guardó nada. Por favor intente de nuevo.",
        "Something failed on our side, and nothing was saved. Please try again.",
    ),
    "no_page_title": ("No encontramos esta página", "We did not find this page"),
    "no_page": ("Vuelva a su cuenta para continuar.", "Go back to your account to go on."),
    "too_long": (
        "El texto es muy largo: puede tener hasta 2.000 caracteres",
        "The text is too long: it may have 2,000 characters",
    ),
}
